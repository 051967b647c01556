"""An error analysis and its files: counts for all queries, and the worst queries with their texts.

Counts have no text and are in `results.json`; the examples have texts of the collection and therefore a file of their
own, `examples.jsonl.gz`, which can be left out if texts must not be shared.
"""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from clinometer.analysis.form import check_example
from clinometer.contents import decode_json, numbered_lines
from clinometer.errors import FormatError, MissingExtraError, UsageError
from clinometer.files import json_bytes, written_whole

__all__ = ["EXAMPLES", "Analysis", "read_examples", "write_examples"]

EXAMPLES = "examples.jsonl.gz"
"""Name of the file of examples next to `results.json`."""


@dataclass(frozen=True)
class Analysis:
    """The documents that outranked the answers.

    Args:
        settings: Thresholds: `tolerance`, `overlap`, `worst`, `shown`.
        rows: Rows for each scenario, query language, pool and category (`clinometer.analysis.CATEGORIES`): `queries`
            whose first document is of the category, their `share` (0 to 1) of the queries `of` the setting that have an
            answer in their own language, and its interval `ci_low`, `ci_high`. The shares of a setting add up to 1.
        examples: The worst queries of each language and scenario, those with the most unrelated documents above the
            answer first: `rank` of the answer in the query's language, `max_rank` of the worst ranked answer, `above`
            (number of unrelated documents above the answer, by language), the `answer` with id, language, text and
            score, and the `first` documents of the ranking with the same fields and `rank`, `category` and `margin`
            (score minus that of the answer). Ranks, scores and margins of an answer that was not retrieved are null.
            Texts longer than 2,000 characters are cut and end in an ellipsis.
    """

    settings: dict[str, Any]
    rows: list[dict[str, Any]]
    examples: list[dict[str, Any]] = field(default_factory=list, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Settings, rows and examples."""
        return {"settings": self.settings, "rows": self.rows, "examples": self.examples}

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Settings, rows and examples as JSON text, also written to `path` if given."""
        text = json_bytes(self.to_dict())
        if path is not None:
            with written_whole(path) as file:
                file.write(text)
        return text.decode()

    def to_polars(self) -> Any:
        """The rows as a polars data frame."""
        try:
            import polars
        except ImportError:
            raise MissingExtraError("to_polars", "tables") from None
        return polars.DataFrame(self.rows, infer_schema_length=None)


def write_examples(examples: list[dict[str, Any]], path: str | os.PathLike[str]) -> None:
    """Write examples as gzipped JSON lines; the same examples give the same bytes."""
    encoder = msgspec.json.Encoder()
    with written_whole(path) as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
        for example in examples:
            file.write(encoder.encode(example) + b"\n")


def read_examples(path: Path) -> list[dict[str, Any]]:
    """Read what `write_examples` wrote.

    Raises:
        FormatError: The file is damaged or a line is not an example; the error names the line.
    """
    fix = "evaluate again with --examples"
    examples: list[dict[str, Any]] = []
    for number, raw in numbered_lines(path):
        example = decode_json(raw, dict[str, Any], path, fix, number)
        try:
            check_example(example)
        except UsageError as error:
            raise FormatError(path, number, f"not an example of an error analysis ({error}); {fix}") from None
        examples.append(example)
    return examples
