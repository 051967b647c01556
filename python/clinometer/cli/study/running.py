"""A study as it runs: cells that are finished are skipped, the others measured one after another, each on disk at once.

The manifest is written after every cell, so that an interrupted study is a folder of results like any other.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from clinometer.analysis.form import AS_IT_IS
from clinometer.cli.output import check_folder
from clinometer.cli.remedies import warn
from clinometer.cli.study.definition import Cell, CollectionEntry, EncoderEntry, StudyDefinition
from clinometer.cli.study.embeddings import Embeddings, embedded
from clinometer.cli.study.meaning import changes, encoding, meaning
from clinometer.cli.study.measuring import measure, paired_changes, write_cell
from clinometer.errors import ClinometerError, FormatError

if TYPE_CHECKING:
    from clinometer.collection import Collection
    from clinometer.evaluation.cells import Study
    from clinometer.evaluation.results import Evaluation

__all__ = ["StudyRun", "check_study_folder"]

_Result = TypeVar("_Result")


def check_study_folder(folder: Path) -> None:
    """Check that a folder can hold a study, new or begun.

    Raises:
        UsageError: It is a file.
        FormatError: It holds something else, or a damaged manifest.
    """
    from clinometer.evaluation.cells import STUDY, read_study
    from clinometer.files import PARTIAL, refuse_foreign

    check_folder(folder)
    if (folder / STUDY).exists():
        read_study(folder / STUDY)
        return
    refuse_foreign(folder, STUDY, lambda name: name == ".lock" or (name.startswith(STUDY) and name.endswith(PARTIAL)))


class StudyRun:
    """One run of a study into a folder.

    Args:
        study: The study.
        folder: Folder of the results.
        bars: Whether to draw bars.
    """

    def __init__(self, study: StudyDefinition, folder: Path, *, bars: bool) -> None:
        self._study, self._folder, self._bars = study, folder, bars
        self._collections: dict[str, Collection | ClinometerError] = {}
        self._encodings: dict[tuple[str, str], dict[str, Any]] = {}
        self._stores: tuple[str, Embeddings | ClinometerError] | None = None
        self._encoder: tuple[str, Any] | None = None
        self._before: tuple[Cell, Evaluation] | None = None
        self._cells = list(study.cells())
        self._failed: dict[Cell, str] = {}
        self._digests: dict[Cell, str] = {}

    def run(self) -> Study:
        """Measure what is not finished; returns the manifest.

        Raises:
            KeyboardInterrupt: The run was interrupted; what is finished stays.
        """
        meanings = {cell: content for cell in self._cells if (content := self._meaning(cell)) is not None}
        to_do = [cell for cell in meanings if not self._is_finished(cell, meanings[cell])]
        self._say_what_is_left_over()
        manifest = self._manifest()
        total = len(self._cells)
        sys.stderr.write(
            f"{self._study.name}: {total} cells, {len(self._digests)} of them finished, {len(to_do)} to do\n"
        )
        for number, cell in enumerate(to_do, 1):
            sys.stderr.write(f"[{number}/{len(to_do)}] {cell.label}\n")
            start = time.perf_counter()
            try:
                self._digests[cell] = self._measured(cell, meanings[cell])
            except KeyboardInterrupt:
                sys.stderr.write(
                    f"{len(self._digests)} of {total} cells are in {self._folder}; run the same command again to "
                    "resume\n"
                )
                raise
            except (ClinometerError, FileNotFoundError, PermissionError) as error:
                self._fail(cell, error)
            else:
                sys.stderr.write(f"  {time.perf_counter() - start:.1f} s\n")
            manifest = self._manifest()
        return manifest

    def _meaning(self, cell: Cell) -> dict[str, Any] | None:
        try:
            return meaning(cell, self._encoding(cell), self._study)
        except (ClinometerError, FileNotFoundError, PermissionError) as error:
            self._fail(cell, error)
            return None

    def _encoding(self, cell: Cell) -> dict[str, Any]:
        """What determines the embeddings of a cell; files and weights are read once for all of its remedies."""
        names = cell.encoder.name, cell.collection.name
        if names not in self._encodings:
            digest = self._collection(cell.collection).digest()
            self._encodings[names] = encoding(cell.encoder, cell.collection.name, digest, self._study)
        return self._encodings[names]

    def _fail(self, cell: Cell, error: Exception) -> None:
        problem = str(error) if isinstance(error, ClinometerError) else f"{error.filename}: {error.strerror}"  # type: ignore[attr-defined]
        self._failed[cell] = problem
        sys.stderr.write(f"failed: {cell.label}: {problem}\n")

    def _is_finished(self, cell: Cell, content: dict[str, Any]) -> bool:
        """Whether the files of a cell are those of its meaning; says so if they are of another."""
        from clinometer.contents import read_bytes
        from clinometer.evaluation.cells import CELL, RESULTS, digest_of, key_of, read_cell

        folder = self._folder / cell.path
        if not (folder / CELL).exists():
            return False
        try:
            record = read_cell(folder / CELL)
            raw = read_bytes(folder / RESULTS)
        except (FormatError, FileNotFoundError):
            sys.stderr.write(f"again: {cell.label}: its files are damaged\n")
            return False
        if record.key != key_of(content):
            sys.stderr.write(f"again: {cell.label}: {changes(record.meaning, content) or 'its record is damaged'}\n")
            return False
        if digest_of(raw) != record.results_sha256:
            sys.stderr.write(f"again: {cell.label}: its {RESULTS} was changed\n")
            return False
        self._digests[cell] = digest_of(read_bytes(folder / CELL))
        return True

    def _say_what_is_left_over(self) -> None:
        """Name finished cells that the file of the study no longer has; they stay, but not in the manifest."""
        from clinometer.errors import first_few
        from clinometer.evaluation.cells import CELL

        ours = {self._folder / cell.path for cell in self._cells}
        others = sorted(path.parent for path in (self._folder / "results").rglob(CELL) if path.parent not in ours)
        if others:
            names = first_few([str(path.relative_to(self._folder)) for path in others], 3, str)
            sys.stderr.write(
                f"note: {len(others)} finished cells are not in the study any more and are not listed ({names})\n"
            )

    def _measured(self, cell: Cell, content: dict[str, Any]) -> str:
        collection = self._collection(cell.collection)
        stores = None if cell.encoder.scores_only else self._embeddings(cell, collection)
        evaluation, correction, seconds = measure(
            cell, collection, self._study, stores, folder=self._embedding_folder(cell), bars=self._bars
        )
        before = None if cell.remedy.name == AS_IT_IS else self._as_it_is(cell)
        changes = [] if before is None else paired_changes(before, evaluation, self._study)
        cost = None if stores is None else stores.cost
        return write_cell(
            self._folder / cell.path, cell, self._study, evaluation, content,
            correction=correction, changes=changes, cost=cost, seconds=seconds,
        )  # fmt: skip

    def _as_it_is(self, cell: Cell) -> Evaluation | None:
        """The results of the cell's encoder without a remedy, read once; None if there are none."""
        from clinometer.evaluation.results import Evaluation

        other = next(
            (one for one in self._digests if (one.encoder, one.collection, one.remedy.name) == (
                cell.encoder, cell.collection, AS_IT_IS)),
            None,
        )  # fmt: skip
        if other is None:
            return None
        if self._before is None or self._before[0] is not other:
            self._before = other, Evaluation.from_folder(self._folder / other.path)
        return self._before[1]

    def _collection(self, entry: CollectionEntry) -> Collection:
        """The collection with its changes of the pool, read once; one that cannot be read is not read again."""
        from clinometer.pools import apply, parse

        if entry.name not in self._collections:
            try:
                collection = apply(
                    entry.reading.load(entry.source), parse(list(entry.pool)), pivot=self._study.measured.pivot
                )
            except ClinometerError as error:
                self._collections[entry.name] = error
            else:
                self._collections[entry.name] = collection
                sys.stderr.write(f"{entry.name}: {collection.summary()}\n")
        return _unless_error(self._collections[entry.name])

    def _embedding_folder(self, cell: Cell) -> Path:
        return self._folder / "embeddings" / cell.encoder.name / cell.collection.name

    def _embeddings(self, cell: Cell, collection: Collection) -> Embeddings:
        """The stores of a cell; those of the cell before are used again, and so is a failure."""
        from clinometer.evaluation.cells import key_of

        folder = self._embedding_folder(cell)
        if self._stores is None or self._stores[0] != str(folder):
            stores: Embeddings | ClinometerError
            try:
                stores = embedded(
                    folder, key_of(self._encoding(cell)), cell.encoder, collection, self._study.storage,
                    lambda: self._loaded(cell.encoder), collection_name=cell.collection.name, bars=self._bars,
                )  # fmt: skip
            except ClinometerError as error:
                stores = error
            self._stores = str(folder), stores
        return _unless_error(self._stores[1])

    def _loaded(self, entry: EncoderEntry) -> Any:
        """The encoder, loaded once for all collections that follow each other."""
        if self._encoder is None or self._encoder[0] != entry.name:
            from clinometer.encoders import ChangedEncoder
            from clinometer.scorers.factory import require_extra

            self._encoder = None  # its memory is free before the next one is loaded
            require_extra(entry.options.name)
            encoder = entry.options.make()
            if entry.similarity is not None:
                encoder = ChangedEncoder(encoder, similarity=entry.similarity)
            warn(encoder.record.warnings)
            self._encoder = entry.name, encoder
        return self._encoder[1]

    def _manifest(self) -> Study:
        """Write the manifest of what is finished now."""
        from clinometer.evaluation.cells import STUDY, Failure, Study, StudyCell, write_json
        from clinometer.evaluation.results import SCHEMA

        def names(cell: Cell) -> dict[str, Any]:
            labels = {"encoder": cell.encoder.name, "collection": cell.collection.name, "remedy": cell.remedy.name}
            return {**labels, "seed": cell.seed}

        manifest = Study(
            schema=SCHEMA,
            name=self._study.name,
            by=self._study.by,
            cells=[
                StudyCell(**names(cell), path=str(cell.path), cell_sha256=self._digests[cell])
                for cell in self._cells
                if cell in self._digests
            ],
            failed=[Failure(**names(cell), problem=problem) for cell, problem in self._failed.items()],
            planned=len(self._cells),
            study=self._study.content,
        )
        write_json(self._folder / STUDY, manifest)
        return manifest


def _unless_error(result: _Result | ClinometerError) -> _Result:
    """What was made before; the error is raised again if it ended in one."""
    if isinstance(result, ClinometerError):
        raise result
    return result
