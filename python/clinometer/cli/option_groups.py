"""Options of several commands, each declared once: sources, measures, intervals, execution, stores, output."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clinometer.cli.completion import measures, scenarios, sources
from clinometer.cli.expansion import OptionGroup, option
from clinometer.errors import UsageError
from clinometer.executors import check_executor

if TYPE_CHECKING:
    from clinometer.collection import Collection

__all__ = [
    "Execution",
    "Executor",
    "Expand",
    "Figures",
    "Json",
    "Lists",
    "LogTo",
    "MemoryBudget",
    "Pivot",
    "Progress",
    "Resampling",
    "Selection",
    "Similarity",
    "Source",
    "SourceName",
    "Storage",
    "Threads",
    "split_names",
    "without_none",
]

SourceName = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="Collection: demo, xquad:DIR, belebele:DIR, beir:DIR, trec:DIR, parallel:FILE[,FILE...], mlir:DIR, "
        "irds:NAME or hub:NAME.",
        autocompletion=sources,
    ),
]
Pivot = Annotated[
    str, option("LANGUAGE", "Language that every other one is paired with.", "--pivot", panel="Scenarios and measures")
]
Threads = Annotated[
    int | None,
    option("N", "Number of threads; the result does not depend on it.", "--threads", panel="Execution", min=1),
]
MemoryBudget = Annotated[
    str | None,
    option("SIZE", "Memory of a scan besides the pool itself, such as 4GB.", "--memory-budget", panel="Execution"),
]
Similarity = Annotated[
    str | None,
    option(
        "cosine|dot|hamming",
        "Similarity of embeddings; by default the one that the encoder is made for, cosine if it states none.",
        "--similarity",
        panel="Encoder",
    ),
]
Expand = Annotated[
    float | None,
    option("W", "Weight, such as 0.5, of the translation in the index that a document is blended with.", "--expand"),
]
Json = Annotated[bool, option(None, "JSON on standard output instead of a table.", "--json", panel="Output")]
LogTo = Annotated[
    str | None,
    option("mlflow:EXPERIMENT|wandb:PROJECT", "Tracker of experiments for the results.", "--log-to", panel="Output"),
]
Figures = Annotated[Path | None, option("DIR", "Folder for all figures, as SVG and PNG.", "--figures", panel="Output")]


def split_names(names: str | None) -> list[str] | None:
    """Names separated by commas, but not inside parentheses.

    Example:
        >>> split_names("en,de,")
        ['en', 'de']
        >>> split_names("nDCG@10,LangShare(lang=de,cutoff=10)")
        ['nDCG@10', 'LangShare(lang=de,cutoff=10)']
    """
    if names is None:
        return None
    parts, depth = [""], 0
    for character in names:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [name.strip() for name in parts if name.strip()]


def without_none(values: dict[str, Any]) -> dict[str, Any]:
    """Options that are set, so that the others keep the defaults of the function that gets them."""
    return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Source(OptionGroup):
    """Collection, and the options of its reader."""

    panel = "Source"

    languages: Annotated[str | None, option("A,B,...", "Languages to read; all by default.")] = None
    unit: Annotated[str | None, option("passage|row|sentence", "Unit of one document (xquad only).")] = None
    split: Annotated[str | None, option("NAME", "Split of the judgements (beir, hub).")] = None
    document_language: Annotated[
        str | None,
        option(
            "LANGUAGE|id",
            "Language of texts without one, or id to take it from ids such as en:12 (beir, hub, irds, trec).",
        ),
    ] = None
    allow_missing: Annotated[
        bool,
        option(
            None,
            "Tolerance for judgements of absent texts; they are counted (beir, hub, irds, mlir, trec).",
            "--allow-missing",
        ),
    ] = False
    complete: Annotated[
        bool, option(None, "Restriction to what exists in every language; the rest is counted.", "--complete")
    ] = False
    reader: Annotated[
        list[str] | None,
        option(
            "NAME=VALUE", "Further option of the reader, such as query-language=en or parallel=true; may be repeated."
        ),
    ] = None

    def __post_init__(self) -> None:
        self.arguments()

    def arguments(self) -> dict[str, Any]:
        """Arguments for `clinometer.load` other than languages; it refuses those that the reader does not know.

        Raises:
            UsageError: `--reader` is not written `NAME=VALUE`.

        Example:
            >>> Source(reader=["query-language=en", "parallel=true"]).arguments()
            {'query_language': 'en', 'parallel': True}
        """
        values: dict[str, Any] = {
            "unit": self.unit,
            "split": self.split,
            "language": self.document_language,
            "allow_missing": self.allow_missing or None,
        }
        for item in self.reader or ():
            name, equals, value = item.partition("=")
            if not (name and equals and value):
                raise UsageError(f"--reader {item}: not NAME=VALUE; write it as in query-language=en")
            values[name.replace("-", "_")] = {"true": True, "false": False}.get(value, value)
        return without_none(values)

    def load(self, source: str) -> Collection:
        """Read the collection; only its complete part, if `complete` is set."""
        # Imported here so that `--help` and errors in options come at once.
        from clinometer.io import load

        collection = load(source, languages=split_names(self.languages), **self.arguments())
        return collection.complete() if self.complete else collection


@dataclass(frozen=True)
class Selection(OptionGroup):
    """Scenarios and measures."""

    panel = "Scenarios and measures"

    scenarios: Annotated[
        str | None,
        option(
            "A,B,...",
            "Scenarios: mono-same, mono-cross, multi, one-sided, multilingual; all by default.",
            autocompletion=scenarios,
        ),
    ] = None
    measures: Annotated[
        str | None, option("A,B,...", "Measures, such as Complete@10,nDCG@10,Intrusion.", autocompletion=measures)
    ] = None


@dataclass(frozen=True)
class Resampling(OptionGroup):
    """Intervals and what they count as independent."""

    panel = "Intervals"

    resamples: Annotated[
        int, option("N", "Number of resamples of gaps and tests; 0 for no intervals (not in compare).", min=0)
    ] = 1000
    resample: Annotated[
        str,
        option("cluster|question", "Unit of intervals and tests: questions that share an answer, or each question."),
    ] = "cluster"
    confidence: Annotated[float, option("P", "Confidence level of the intervals.")] = 0.95
    seed: Annotated[int, option("N", "Seed of the resamples.", min=0)] = 0


@dataclass(frozen=True)
class Executor(OptionGroup):
    """Executor of the work."""

    panel = "Execution"

    executor: Annotated[str, option("local|ray", "Executor of the work; ray uses RAY_ADDRESS, or this machine.")] = (
        "local"
    )

    def __post_init__(self) -> None:
        check_executor(self.executor)

    def refuse_local_workers(self, workers: int | None, instead: str) -> None:
        """Refuse `--workers` of the local executor; `instead` says what that does, and the fix."""
        if workers is not None and self.executor == "local":
            raise UsageError(f"--workers is for --executor ray; the local executor {instead}")


@dataclass(frozen=True)
class Execution(Executor):
    """Executor, threads and device of a scan."""

    threads: Threads = None
    scan_device: Annotated[
        str | None,
        option("NAME", "Device of the scan, such as cuda; the result does not depend on it.", "--scan-device"),
    ] = None


@dataclass(frozen=True)
class Lists(OptionGroup):
    """Result lists of a scan."""

    panel = "Result lists"

    k: Annotated[int, option("N", "Length of the result lists; 0 for none.", "-k", min=0)] = 0
    per_language: Annotated[bool, option(None, "One list for each language.", "--per-language")] = False

    def __post_init__(self) -> None:
        if self.per_language and not self.k:
            raise UsageError("--per-language needs lists; set their length with -k")


@dataclass(frozen=True)
class Storage(OptionGroup):
    """Data type and shards of a new store."""

    panel = "Store"

    dtype: Annotated[
        str | None, option("float32|float16|int16", "Stored data type; by default that of imported rows.")
    ] = None
    shard_rows: Annotated[
        int | None,
        option("N", "Rows of one shard, the most that an interruption loses; 2048 or more by default.", min=1),
    ] = None

    def __post_init__(self) -> None:
        if self.dtype not in (None, "float32", "float16", "int16"):
            raise UsageError(f"--dtype is {self.dtype!r}, but must be float32, float16 or int16")


@dataclass(frozen=True)
class Progress(OptionGroup):
    """Progress bars."""

    panel = "Output"

    progress: Annotated[
        bool | None,
        option(
            None,
            "Progress on standard error, in lines where it is not a terminal; by default only if it is one.",
            "--progress/--no-progress",
        ),
    ] = None

    @property
    def bars(self) -> bool:
        """Whether bars are drawn."""
        return sys.stderr.isatty() if self.progress is None else self.progress
