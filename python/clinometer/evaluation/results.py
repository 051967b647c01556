"""An evaluation as it is kept, shown and passed on.

`rows` is the contract: one row per scenario, query language, pool and measure. Everything else says where they come
from. Files are written under a temporary name and renamed, so that they are whole or not there.
"""

from __future__ import annotations

import gzip
import os
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.analysis.record import EXAMPLES, Analysis, read_examples, write_examples
from clinometer.errors import FormatError, MissingExtraError, UsageError
from clinometer.evaluation.display import as_html, as_text
from clinometer.files import json_bytes, written_whole
from clinometer.measures import parse

__all__ = ["Evaluation"]

_KEYS = ("query_id", "query_language", "scenario", "pool_languages", "question")
_CATEGORY_COLUMNS = ("scenario", "query_language", "pool_languages", "category", "queries", "of", "share")
_COLUMNS = ("scenario", "query_language", "pool_languages", "measure", "value", "ci_low", "ci_high", "queries",
            "documents", "ties")  # fmt: skip


@dataclass(frozen=True, repr=False)
class Evaluation:
    """Results of one encoder on one collection.

    Args:
        collection: `Collection.describe()`.
        encoder: The encoder's record.
        settings: How it was evaluated.
        rows: One dictionary per scenario, query language, pool and measure: `scenario`, `query_language` (`macro`,
            `macro-target` and `macro-pivot` are means over query languages), `pool_languages`, `measure`, `value`,
            `ci_low`, `ci_high`, `queries` (for which the measure is defined), `documents` (of the pool, the median
            where it differs by query), `ties` (relevant documents that tie with another document).
        notices: Sentences about what was left out.
        by: Rows for the queries of each value of a field, with `field` and `group` before the columns of `rows`; empty
            where none was asked for.
        analysis: What outranked the answers; None where it was not asked for.
        per_query: Columns of equal length, one row per query and setting: `query_id`, `query_language`, `scenario`,
            `pool_languages` (joined by `+`), `question` (a number that translations of one query share), then one
            column per measure, NaN where it is not defined. Empty where the evaluation was read from `results.json`
            alone.
    """

    collection: dict[str, Any]
    encoder: dict[str, Any]
    settings: dict[str, Any]
    rows: list[dict[str, Any]]
    notices: list[str] = field(default_factory=list)
    by: list[dict[str, Any]] = field(default_factory=list)
    analysis: Analysis | None = None
    per_query: dict[str, NDArray[Any]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return as_text(self.collection, self.encoder, self.rows)

    def _repr_html_(self) -> str:
        return as_html(self.collection, self.encoder, self.rows)

    def to_dict(self) -> dict[str, Any]:
        """What `results.json` holds; rows by a field and of an error analysis only where there are any."""
        names = ("collection", "encoder", "settings", "rows", "notices")
        found = {name: getattr(self, name) for name in names}
        if self.by:
            found["by"] = self.by
        if self.analysis is not None:
            found["analysis"] = {"settings": self.analysis.settings, "rows": self.analysis.rows}
        return found

    @property
    def examples(self) -> list[dict[str, Any]]:
        """The worst queries, as `clinometer.analysis.Analysis` describes them; empty where none were asked for."""
        return [] if self.analysis is None else self.analysis.examples

    def value(
        self, measure: str, scenario: str, query_language: str, pool_languages: list[str] | None = None
    ) -> float | None:
        """The value of one row.

        Args:
            measure: In canonical spelling.
            scenario: Its name.
            query_language: Its label.
            pool_languages: Needed where queries of one language meet several pools.

        Raises:
            UsageError: No row or several rows fit.
        """
        fits = [
            row
            for row in self.rows
            if (row["measure"], row["scenario"], row["query_language"]) == (measure, scenario, query_language)
            and pool_languages in (None, row["pool_languages"])
        ]
        if len(fits) != 1:
            raise UsageError(f"{len(fits)} rows have {measure} in {scenario} for {query_language}; one was expected")
        value: float | None = fits[0]["value"]
        return value

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """The results as JSON text, also written to `path` if given."""
        text = json_bytes(self.to_dict()).decode()
        if path is not None:
            with written_whole(path) as file:
                file.write(text.encode())
        return text

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> Evaluation:
        """Read `results.json`.

        Raises:
            FormatError: The file is not JSON of that form.
            FileNotFoundError: It is not there.
        """
        try:
            found = msgspec.json.decode(Path(path).read_bytes(), type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise FormatError(os.fspath(path), None, f"this is no results file: {error}") from None
        missing = [name for name in ("collection", "encoder", "settings", "rows") if name not in found]
        if missing:
            raise FormatError(os.fspath(path), None, f"this is no results file: it has no {', '.join(missing)}")
        kinds = {"collection": dict, "encoder": dict, "settings": dict, "rows": list, "analysis": dict}
        if wrong := [name for name, kind in kinds.items() if name in found and not isinstance(found[name], kind)]:
            raise FormatError(os.fspath(path), None, f"this is no results file: look at its {', '.join(wrong)}")
        for number, row in enumerate(found["rows"]):
            absent = [name for name in _COLUMNS if not isinstance(row, dict) or name not in row]
            if absent:
                raise FormatError(os.fspath(path), None, f"row {number} of the results has no {', '.join(absent)}")
        names = ("collection", "encoder", "settings", "rows")
        analysis = found.get("analysis")
        return cls(
            **{name: found[name] for name in names},
            notices=list(found.get("notices", [])),
            by=_listed(found, "by", ("field", "group", *_COLUMNS), path),
            analysis=None
            if analysis is None
            else Analysis(analysis.get("settings", {}), _listed(analysis, "rows", _CATEGORY_COLUMNS, path)),
        )

    def with_examples(self, folder: str | os.PathLike[str]) -> Evaluation:
        """The evaluation with the examples that lie in a folder beside its `results.json`, if there are any.

        Raises:
            FormatError: The file of examples is damaged.
        """
        path = Path(folder) / EXAMPLES
        if self.analysis is None or not path.exists():
            return self
        return replace(self, analysis=replace(self.analysis, examples=read_examples(path)))

    @classmethod
    def from_folder(cls, folder: str | os.PathLike[str]) -> Evaluation:
        """Read what `clinometer evaluate -o FOLDER` wrote: `results.json`, `per_query.jsonl.gz`, and any examples.

        Raises:
            UsageError: The folder has results, but no values per query.
            FormatError: A file does not have its form; the line is named.
            FileNotFoundError: There is no `results.json`.
        """
        found = cls.from_json(Path(folder) / "results.json")
        path = Path(folder) / "per_query.jsonl.gz"
        if not path.exists():
            raise UsageError(
                f"{folder} has a results.json but no per_query.jsonl.gz, which holds the values per query; put "
                "the file beside it, or evaluate again with -o"
            )
        found = found.with_examples(folder)
        return replace(found, per_query=_columns(path, found.settings.get("measures") or []))

    def per_query_to(self, path: str | os.PathLike[str]) -> None:
        """Write the values per query as gzipped JSON lines: the first five columns, then `values` by measure.

        Raises:
            UsageError: There are none, because the evaluation was read from `results.json`.
        """
        if not self.per_query:
            raise UsageError(
                "results.json has no values per query, and this evaluation was read from one; evaluate again"
            )
        names = [name for name in self.per_query if name not in _KEYS]
        heads = [self.per_query[name].tolist() for name in _KEYS]
        columns = [self.per_query[name].tolist() for name in names]
        encoder = msgspec.json.Encoder()
        with written_whole(path) as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
            for at in range(len(heads[0])):
                line: dict[str, Any] = {key: head[at] for key, head in zip(_KEYS, heads, strict=True)}
                line["pool_languages"] = line["pool_languages"].split("+")
                values = ((name, column[at]) for name, column in zip(names, columns, strict=True))
                line["values"] = {name: value for name, value in values if not np.isnan(value)}
                file.write(encoder.encode(line) + b"\n")

    def to_polars(self) -> Any:
        """The rows as a polars data frame."""
        try:
            import polars
        except ImportError:
            raise MissingExtraError("to_polars", "tables") from None
        return polars.DataFrame(self.rows, infer_schema_length=None)

    def to_pandas(self) -> Any:
        """The rows as a pandas data frame."""
        try:
            import pandas
        except ImportError:
            raise MissingExtraError("to_pandas", "tables") from None
        return pandas.DataFrame(self.rows, columns=list(_COLUMNS))

    def to_mteb(self, task_name: str, **options: Any) -> dict[str, Any]:
        """The results in the form of mteb's result files; see `clinometer.integrations.mteb.to_mteb`."""
        from clinometer.integrations.mteb.results import to_mteb

        return to_mteb(self, task_name, **options)

    def to_folder(self, folder: str | os.PathLike[str]) -> None:
        """Write what `from_folder` reads, and last `results.json`: where it is, all is.

        Raises:
            UsageError: As for `per_query_to`.
        """
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        # Results of an earlier run must not stand beside values of this one.
        (path / "results.json").unlink(missing_ok=True)
        (path / EXAMPLES).unlink(missing_ok=True)
        if self.examples:
            write_examples(self.examples, path / EXAMPLES)
        self.per_query_to(path / "per_query.jsonl.gz")
        self.to_json(path / "results.json")

    def report(self, path: str | os.PathLike[str]) -> None:
        """Write the report, HTML or Markdown by suffix."""
        from clinometer.report import write_report

        write_report([self.for_report()], path)

    def figures(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write every figure of the report as SVG and PNG into a folder; returns the paths."""
        from clinometer.report import draw_figures

        return draw_figures([self.for_report()], folder)

    def for_report(self) -> dict[str, Any]:
        """What a report is made from: `to_dict` with the examples, where there are any."""
        found = self.to_dict()
        if self.examples:
            found["analysis"] = {**found["analysis"], "examples": self.examples}
        return found


def _listed(
    found: dict[str, Any], name: str, columns: tuple[str, ...], path: str | os.PathLike[str]
) -> list[dict[str, Any]]:
    """A list of rows that a results file may have, each with its columns."""
    rows = found.get(name, [])
    for number, row in enumerate(rows if isinstance(rows, list) else [None]):
        if absent := [column for column in columns if not isinstance(row, dict) or column not in row]:
            raise FormatError(os.fspath(path), None, f"row {number} of {name!r} has no {', '.join(absent)}")
    return list(rows)


class _Line(msgspec.Struct):
    """One line of `per_query.jsonl.gz`."""

    query_id: str
    query_language: str
    scenario: str
    pool_languages: list[str]
    question: int
    values: dict[str, float]


def _columns(path: Path, measures: list[str]) -> dict[str, NDArray[Any]]:
    """The columns that `per_query_to` wrote, in their order, which the lines alone do not tell."""
    decoder = msgspec.json.Decoder(_Line)
    lines: list[_Line] = []
    try:
        with gzip.open(path, "rb") as file:
            for number, text in enumerate(file, start=1):
                try:
                    lines.append(decoder.decode(text))
                except msgspec.DecodeError as error:
                    problem = f"this is no line of values per query: {error}; evaluate again with -o"
                    raise FormatError(path, number, problem) from None
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise FormatError(path, None, f"the file is damaged ({error}); evaluate again with -o") from None
    in_setting: dict[tuple[str, ...], set[str]] = {}
    for line in lines:
        in_setting.setdefault((line.scenario, line.query_language, *line.pool_languages), set()).update(line.values)
    gaps = [str(measure.inner) for measure in parse(measures) if measure.inner]
    place = {name: at for at, name in enumerate(dict.fromkeys([*measures, *gaps]))}
    ordered = (sorted(names, key=lambda name: (place.get(name, len(place)), name)) for names in in_setting.values())
    table: dict[str, NDArray[Any]] = {
        "query_id": np.array([line.query_id for line in lines], dtype=np.str_),
        "query_language": np.array([line.query_language for line in lines], dtype=np.str_),
        "scenario": np.array([line.scenario for line in lines], dtype=np.str_),
        "pool_languages": np.array(["+".join(line.pool_languages) for line in lines], dtype=np.str_),
        "question": np.array([line.question for line in lines], dtype=np.int64),
    }
    for name in dict.fromkeys(name for names in ordered for name in names):
        table[name] = np.array([line.values.get(name, np.nan) for line in lines], dtype=np.float64)
    return table
