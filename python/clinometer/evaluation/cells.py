"""Cells of a study on disk: `cell.json` next to each `results.json`, and the manifest `study.json` that lists them.

These types are the documented format by which results are exchanged: docs/reference/results-format.md is made from
them, and docs/reference/versions.md says what may change within a version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from clinometer.analysis.form import about
from clinometer.contents import read_json
from clinometer.errors import FormatError
from clinometer.evaluation.results import SCHEMA, Evaluation, other_version
from clinometer.files import bytes_in, json_bytes, ordinary, written_whole

__all__ = [
    "CELL",
    "RESULTS",
    "STUDY",
    "Cell",
    "CellCost",
    "Change",
    "Entry",
    "Failure",
    "Machine",
    "SideCost",
    "Study",
    "StudyCell",
    "digest_of",
    "each_entry",
    "key_of",
    "read_cell",
    "read_cells",
    "read_study",
    "write_json",
]

RESULTS, CELL, STUDY = "results.json", "cell.json", "study.json"

_Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", description="SHA-256 in hexadecimal digits")]
_Label = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Path = Annotated[str, msgspec.Meta(pattern=r"^(?!/)(?!.*(^|/)\.\.(/|$))[^\\:\x00]{1,1000}$")]
_Number = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=10**15)]

T = TypeVar("T", bound="Study | Cell")


class SideCost(msgspec.Struct, kw_only=True):
    """What encoding the documents or the queries cost."""

    texts: Annotated[_Count, about("texts that were timed: those of the last run, if an earlier one was interrupted")]
    seconds: Annotated[_Number, about("time of encoding them, on the clock, without loading the model")]
    cpu_seconds: Annotated[_Number, about("time of all processors of the process")]


class CellCost(msgspec.Struct, kw_only=True):
    """What encoding cost; a side is null where its embeddings came as files."""

    documents: Annotated[SideCost | None, about("of the documents")] = None
    queries: Annotated[SideCost | None, about("of the queries")] = None


class Change(msgspec.Struct, kw_only=True):
    """A change by the remedy, query by query, over the queries for which both values are defined."""

    scenario: Annotated[str, about("as in `results.json`")]
    query_language: Annotated[str, about("as in `results.json`, mostly a mean such as `macro-target`")]
    pool_languages: Annotated[list[str], about("as in `results.json`")]
    measure: Annotated[str, about("as in `results.json`")]
    before: Annotated[float | None, about("value of the encoder as it is")]
    after: Annotated[float | None, about("value with the remedy")]
    difference: Annotated[float | None, about("`after` minus `before`")]
    ci_low: Annotated[float | None, about("lower end of the interval of the difference")] = None
    ci_high: Annotated[float | None, about("upper end of the interval of the difference")] = None
    p: Annotated[float | None, about("two-sided paired permutation test, not corrected for several tests")] = None
    queries: Annotated[_Count, about("queries with both values")] = 0


class Machine(msgspec.Struct, kw_only=True):
    """Where a cell was computed."""

    processor: Annotated[str, about("model of the processor")] = ""
    cores: Annotated[_Count, about("processors that the process could use")] = 0
    system: Annotated[str, about("operating system")] = ""
    device: Annotated[str, about("device of the encoder, if one was chosen")] = ""


class Cell(msgspec.Struct, kw_only=True):
    """Content of `cell.json`."""

    schema: Annotated[int, about("version of this format: 1")]
    encoder: Annotated[_Label, about("name of the encoder in the study")]
    collection: Annotated[_Label, about("name of the collection")]
    remedy: Annotated[_Label, about("name of the remedy; `none` is the encoder as it is")]
    seed: Annotated[_Count | None, about("seed of the remedy's sample; null if none was drawn")] = None
    results_sha256: Annotated[_Digest, about("SHA-256 of the `results.json` next to it")]
    key: Annotated[str, about("digest of `meaning`: equal for cells that mean the same")]
    meaning: Annotated[dict[str, Any], about("what determines the results: options, digests of data and files")]
    commands: Annotated[list[str], about("commands that give the same results by hand")] = []
    changes: Annotated[list[Change], about("paired changes against the encoder as it is; empty without a remedy")] = []
    cost: Annotated[CellCost | None, about("cost of encoding; null without an encoder")] = None
    seconds: Annotated[_Number, about("time of fitting the remedy, scanning and measuring")] = 0.0
    notes: Annotated[dict[str, str], about("notes of the study on `encoder`, `collection` and `remedy`")] = {}
    versions: Annotated[dict[str, str], about("versions of Python and of the packages")] = {}
    machine: Annotated[Machine, about("where it was computed")] = msgspec.field(default_factory=Machine)
    finished: Annotated[str, about("time in UTC, as 2026-01-31T12:00:00Z")] = ""


class StudyCell(msgspec.Struct, kw_only=True):
    """A finished cell in the manifest."""

    path: Annotated[_Path, about("folder of the cell, below that of the manifest")]
    encoder: Annotated[_Label, about("as in `cell.json`")]
    collection: Annotated[_Label, about("as in `cell.json`")]
    remedy: Annotated[_Label, about("as in `cell.json`")]
    seed: Annotated[_Count | None, about("as in `cell.json`")] = None
    cell_sha256: Annotated[_Digest, about("SHA-256 of the `cell.json`")]


class Failure(msgspec.Struct, kw_only=True):
    """A cell that could not be computed."""

    encoder: Annotated[_Label, about("name of the encoder")]
    collection: Annotated[_Label, about("name of the collection")]
    remedy: Annotated[_Label, about("name of the remedy")]
    seed: Annotated[_Count | None, about("seed")] = None
    problem: Annotated[str, about("sentence that says why")]


class Study(msgspec.Struct, kw_only=True):
    """Content of `study.json`."""

    schema: Annotated[int, about("version of this format: 1")]
    name: Annotated[_Label, about("name of the study")]
    by: Annotated[str, about("who contributes the results; may be empty")] = ""
    cells: Annotated[list[StudyCell], about("finished cells")]
    failed: Annotated[list[Failure], about("cells that could not be computed")] = []
    planned: Annotated[_Count, about("number of cells that the study has in all")] = 0
    study: Annotated[Any, about("content of the file of the study, its values as texts")] = None


class Entry(msgspec.Struct, frozen=True):
    """A result with what is known about its origin.

    Args:
        path: Its `results.json`.
        content: Content of that file, as `Evaluation.to_dict` gives it.
        cell: Content of the `cell.json` next to it; None if there is none.
        study: Content of the manifest that lists it; None if none does.
    """

    path: Path
    content: dict[str, Any]
    cell: Cell | None = None
    study: Study | None = None

    def raw(self) -> dict[str, Any]:
        """Content of that file as it is, without what reading adds."""
        return read_json(self.path, dict[str, Any], "not a results file: {problem}")


def digest_of(content: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def key_of(meaning: Mapping[str, Any]) -> str:
    """16 hex digits, equal for equal meanings in any order of their keys."""
    return digest_of(msgspec.json.encode(meaning, order="sorted"))[:16]


def write_json(path: Path, content: Study | Cell) -> str:
    """Write the file completely or not at all; returns its digest."""
    raw = json_bytes(content)
    with written_whole(path) as file:
        file.write(raw)
    return digest_of(raw)


def read_study(path: Path) -> Study:
    """Read a `study.json`.

    Raises:
        FormatError: It is damaged, or of another version of the format.
        FileNotFoundError: The file does not exist.
    """
    return _read(path, Study, "not a manifest of a study")


def read_cell(path: Path) -> Cell:
    """Read a `cell.json`.

    Raises:
        FormatError: It is damaged, or of another version of the format.
        FileNotFoundError: The file does not exist.
    """
    return _read(path, Cell, "not the record of a cell")


def read_cells(place: Path) -> list[Entry]:
    """The results at a place: those of a manifest, the one of a folder, or one file.

    Raises:
        FormatError: A file is damaged, missing, changed since its digest was taken, or of another version.
        FileNotFoundError: The place does not exist.
    """
    entries = []
    for entry in each_entry(place):
        if isinstance(entry, FormatError):
            raise entry
        entries.append(entry)
    return entries


def each_entry(place: Path) -> Iterator[Entry | FormatError]:
    """As `read_cells`, one by one: an error takes the place of a result, so that it does not hide the others.

    Raises:
        FileNotFoundError: The place does not exist.
    """
    try:
        place = ordinary(place)
        manifest = place / STUDY if place.is_dir() else place
        if manifest.name != STUDY or (place.is_dir() and not manifest.exists()):
            yield _alone(place)
            return
        study = read_study(manifest)
    except FormatError as error:
        yield error
        return
    for listed in study.cells:
        try:
            yield _listed(manifest.parent, listed, study)
        except FormatError as error:
            yield error


def _alone(place: Path) -> Entry:
    """The result of a file, or of a folder without a manifest."""
    if not place.is_dir():
        return _entry(place, None)
    if (place / RESULTS).exists():
        return _entry(place / RESULTS, None)
    raise FormatError(
        place, None, f"this folder has neither {STUDY} nor {RESULTS}; give one from clinometer study or evaluate -o"
    )


def _listed(folder: Path, listed: StudyCell, study: Study) -> Entry:
    """The result of a cell that the manifest in a folder lists."""
    path = folder / listed.path
    if not (path / CELL).is_file():
        raise FormatError(path / CELL, None, f"listed in {STUDY}, but missing; copy the whole folder again")
    _refuse_changed(path / CELL, listed.cell_sha256, STUDY)
    entry = _entry(path / RESULTS, study)
    cell = entry.cell
    names = ("encoder", "collection", "remedy", "seed")
    if cell is None or any(getattr(cell, name) != getattr(listed, name) for name in names):
        raise FormatError(path / CELL, None, f"{STUDY} lists it as another cell; run the study again")
    return entry


def _entry(path: Path, study: Study | None) -> Entry:
    cell = read_cell(path.parent / CELL) if (path.parent / CELL).exists() and path.name == RESULTS else None
    if cell is not None:
        if not path.is_file():
            raise FormatError(path, None, f"missing next to its {CELL}; copy the whole folder again")
        _refuse_changed(path, cell.results_sha256, CELL)
    return Entry(path, Evaluation.from_json(path).to_dict(), cell, study)


def _refuse_changed(path: Path, digest: str, listed_in: str) -> None:
    if digest_of(bytes_in(path)) != digest:
        raise FormatError(
            path, None, f"not the file whose checksum {listed_in} has; it was changed or damaged: copy it again"
        )


def _read(path: Path, kind: type[T], expected: str) -> T:
    fix = f"{expected} ({{problem}}); copy it again, or run the study again"
    version = read_json(path, dict[str, Any], fix).get("schema")
    if version != SCHEMA:
        raise FormatError(path, None, other_version(version))
    return read_json(path, kind, fix)
