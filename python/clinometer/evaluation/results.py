"""Results of an evaluation: rows, their origin, and the files that hold them.

`rows` is the contract: one row per scenario, query language, pool and measure. Everything else documents their origin.
Files are written under a temporary name and renamed, so that they are either complete or absent.
"""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.analysis.form import check_results
from clinometer.analysis.record import EXAMPLES, Analysis, read_examples, write_examples
from clinometer.contents import decode_json, numbered_lines, read_json
from clinometer.errors import FormatError, MissingExtraError, UsageError, shown
from clinometer.evaluation.display import as_html, as_text
from clinometer.evaluation.lookup import single_row
from clinometer.files import json_bytes, ordinary, regular, withdraw, written_together, written_whole
from clinometer.measures import parse

__all__ = ["SCHEMA", "Evaluation", "other_version"]

SCHEMA = 1
"""Version of the format of `results.json`; files without one are of version 1."""

_KEYS = ("query_id", "query_language", "scenario", "pool_languages", "question", "cluster")
_LINES_AT_ONCE = 1024
_COLUMNS = ("scenario", "query_language", "pool_languages", "measure", "value", "ci_low", "ci_high", "queries",
            "documents", "ties")  # fmt: skip


@dataclass(frozen=True, repr=False)
class Evaluation:
    """Results of one encoder on one collection.

    Args:
        collection: `Collection.describe()`.
        encoder: Record of the encoder.
        settings: Settings of the evaluation.
        rows: One dictionary per scenario, query language, pool and measure: `scenario`, `query_language` (`macro`,
            `macro-target` and `macro-pivot` are means over query languages), `pool_languages`, `measure`, `value`,
            `ci_low`, `ci_high`, `queries` (for which the measure is defined), `documents` (of the pool; the median if
            it differs by query), `ties` (relevant documents that tie with another document).
        notices: Sentences about what was left out.
        by: Rows for the queries of each value of a field, with `field` and `group` before the columns of `rows`; empty
            if none was requested.
        analysis: Documents that outranked the answers; None if not requested.
        per_query: Columns of equal length, one row per query and setting: `query_id`, `query_language`, `scenario`,
            `pool_languages` (joined by `+`), `question` (a number that translations of one query share), `cluster` (a
            number that questions with a common answer share; absent in results of older versions), then one column per
            measure, NaN if undefined. Empty if the evaluation was read from `results.json` alone.
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
        from clinometer.report import notebook_html

        table = as_html(self.collection, self.encoder, self.rows)
        try:
            return notebook_html([self.for_report()]) + table
        except (MissingExtraError, UsageError):  # without the extra `report`, or of odd rows, there is only the table
            return table

    def to_dict(self) -> dict[str, Any]:
        """Content of `results.json`; rows by a field and of an error analysis are included if there are any."""
        names = ("collection", "encoder", "settings", "rows", "notices")
        content: dict[str, Any] = {name: getattr(self, name) for name in names} | {"schema": SCHEMA}
        if self.by:
            content["by"] = self.by
        if self.analysis is not None:
            content["analysis"] = {"settings": self.analysis.settings, "rows": self.analysis.rows}
        return content

    @property
    def examples(self) -> list[dict[str, Any]]:
        """The worst queries, as `clinometer.analysis.Analysis` describes them; empty if none were requested."""
        return [] if self.analysis is None else self.analysis.examples

    def value(
        self, measure: str, scenario: str, query_language: str, pool_languages: list[str] | None = None
    ) -> float | None:
        """The value of one row.

        Args:
            measure: Name of the measure in canonical spelling.
            scenario: Name of the scenario.
            query_language: Label of the query language.
            pool_languages: Languages of the pool; needed if queries of one language meet several pools.

        Raises:
            UsageError: No row matches, or several do; the message has the choices.
        """
        row = single_row(self.rows, measure, scenario, query_language, pool_languages)
        value: float | None = row["value"]
        return value

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """The results as JSON text, also written to `path` unless it is None."""
        text = json_bytes(self.to_dict()).decode()
        if path is not None:
            with written_whole(path) as file:
                file.write(text.encode())
        return text

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> Evaluation:
        """Read `results.json`.

        Raises:
            FormatError: Not a results file.
            FileNotFoundError: The file does not exist.
        """
        path = regular(path)
        content = read_json(path, dict[str, Any], "not a results file: {problem}")
        if (version := content.get("schema", SCHEMA)) != SCHEMA:
            raise FormatError(os.fspath(path), None, other_version(version))
        missing = [name for name in ("collection", "encoder", "settings", "rows") if name not in content]
        if missing:
            raise FormatError(os.fspath(path), None, f"not a results file: it has no {', '.join(missing)}")
        types = {"collection": dict, "encoder": dict, "settings": dict, "rows": list}
        if invalid := [name for name, part in types.items() if not isinstance(content[name], part)]:
            raise FormatError(os.fspath(path), None, f"not a results file: check its {', '.join(invalid)}")
        for number, row in enumerate(content["rows"]):
            missing_columns = [name for name in _COLUMNS if not isinstance(row, dict) or name not in row]
            if missing_columns:
                problem = f"row {number} of the results has no {', '.join(missing_columns)}"
                raise FormatError(os.fspath(path), None, problem)
        try:
            check_results(content)
        except UsageError as error:
            raise FormatError(os.fspath(path), None, f"not a results file ({error}); evaluate again with -o") from None
        analysis = content.get("analysis")
        return cls(
            **{name: content[name] for name in ("collection", "encoder", "settings", "rows")},
            notices=content.get("notices") or [],
            by=content.get("by") or [],
            analysis=analysis and Analysis(analysis.get("settings") or {}, analysis.get("rows") or []),
        )

    def with_examples(self, folder: str | os.PathLike[str]) -> Evaluation:
        """The evaluation with the examples from the folder of its `results.json`, if there are any.

        Raises:
            FormatError: The file of examples is damaged.
        """
        path = ordinary(folder) / EXAMPLES
        if self.analysis is None or not path.exists():
            return self
        return replace(self, analysis=replace(self.analysis, examples=read_examples(path)))

    @classmethod
    def from_folder(cls, folder: str | os.PathLike[str]) -> Evaluation:
        """Read what `clinometer evaluate -o FOLDER` wrote: `results.json`, `per_query.jsonl.gz`, and any examples.

        Raises:
            UsageError: The folder has results, but no values per query.
            FormatError: A file has another format; the line is named.
            FileNotFoundError: `results.json` does not exist.
        """
        folder = ordinary(folder)
        evaluation = cls.from_json(folder / "results.json")
        path = folder / "per_query.jsonl.gz"
        if not path.exists():
            raise UsageError(
                f"{folder} has a results.json but no per_query.jsonl.gz, which holds the values per query; put "
                "the file next to it, or evaluate again with -o"
            )
        evaluation = evaluation.with_examples(folder)
        return replace(evaluation, per_query=_columns(path, evaluation.settings.get("measures") or []))

    def per_query_to(self, path: str | os.PathLike[str]) -> None:
        """Write the values per query as gzipped JSON lines: columns without measures, then `values` by measure.

        Raises:
            UsageError: The evaluation has none, because it was read from `results.json`.
        """
        if not self.per_query:
            raise UsageError(
                "this evaluation was read from a results.json, which has no values per query; evaluate again"
            )
        names = [name for name in self.per_query if name not in _KEYS]
        keys = [name for name in _KEYS if name in self.per_query]
        encoder = msgspec.json.Encoder()
        with written_whole(path) as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
            for start in range(0, len(self.per_query[keys[0]]), _LINES_AT_ONCE):
                part = slice(start, start + _LINES_AT_ONCE)
                heads, columns = ([self.per_query[name][part].tolist() for name in some] for some in (keys, names))
                lines: list[dict[str, Any]] = [dict(zip(keys, head, strict=True)) for head in zip(*heads, strict=True)]
                values = zip(*columns, strict=True) if columns else [()] * len(lines)
                for line, numbers in zip(lines, values, strict=True):
                    line["pool_languages"] = line["pool_languages"].split("+")
                    # NaN alone differs from itself.
                    line["values"] = {
                        name: number for name, number in zip(names, numbers, strict=True) if number == number
                    }
                file.write(encoder.encode_lines(lines))

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
        """The results in the format of mteb's result files; see `clinometer.integrations.mteb.to_mteb`."""
        from clinometer.integrations.mteb.results import to_mteb

        return to_mteb(self, task_name, **options)

    def to_folder(self, folder: str | os.PathLike[str]) -> None:
        """Write the files that `from_folder` reads, all or none, `results.json` last: if it exists, all of them do.

        Raises:
            UsageError: As for `per_query_to`.
        """
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        with written_together():
            # Results of an earlier run must not be next to values of this one.
            withdraw(path / "results.json")
            withdraw(path / EXAMPLES)
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
        """Content of a report: `to_dict`, with the examples if there are any."""
        content = self.to_dict()
        if self.examples:
            content["analysis"] = {**content["analysis"], "examples": self.examples}
        return content


def other_version(version: object) -> str:
    """A sentence for a file of another version of the format of results."""
    what = "it has no schema, the version of its format" if version is None else f"of schema {shown(version, 20)}"
    return f"{what}, but this clinometer reads schema {SCHEMA}; use another version of clinometer, or evaluate again"


class _Line(msgspec.Struct):
    """One line of `per_query.jsonl.gz`."""

    query_id: str
    query_language: str
    scenario: str
    pool_languages: list[str]
    question: Annotated[int, msgspec.Meta(ge=-(10**15), le=10**15)]
    values: dict[str, float]
    cluster: Annotated[int, msgspec.Meta(ge=-(10**15), le=10**15)] | None = None


def _columns(path: Path, measures: list[str]) -> dict[str, NDArray[Any]]:
    """The columns that `per_query_to` wrote, in their order, which the lines alone do not show."""
    expected = "not a line of values per query: {problem}; evaluate again with -o"
    lines = [decode_json(raw, _Line, path, expected, number) for number, raw in numbered_lines(path)]
    names_in_setting: dict[tuple[str, ...], set[str]] = {}
    for line in lines:
        names_in_setting.setdefault((line.scenario, line.query_language, *line.pool_languages), set()).update(
            line.values
        )
    gaps = [str(measure.inner) for measure in parse(measures) if measure.inner]
    position_of = {name: position for position, name in enumerate(dict.fromkeys([*measures, *gaps]))}
    ordered = (
        sorted(names, key=lambda name: (position_of.get(name, len(position_of)), name))
        for names in names_in_setting.values()
    )
    table: dict[str, NDArray[Any]] = {
        "query_id": np.array([line.query_id for line in lines], dtype=np.str_),
        "query_language": np.array([line.query_language for line in lines], dtype=np.str_),
        "scenario": np.array([line.scenario for line in lines], dtype=np.str_),
        "pool_languages": np.array(["+".join(line.pool_languages) for line in lines], dtype=np.str_),
        "question": np.array([line.question for line in lines], dtype=np.int64),
    }
    clusters = [line.cluster for line in lines if line.cluster is not None]
    if clusters and len(clusters) < len(lines):
        raise FormatError(path, None, "only some lines have a cluster; evaluate again with -o")
    if clusters:
        table["cluster"] = np.array(clusters, dtype=np.int64)
    for name in dict.fromkeys(name for names in ordered for name in names):
        table[name] = np.array([line.values.get(name, np.nan) for line in lines], dtype=np.float64)
    return table
