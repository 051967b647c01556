"""An evaluation at a glance: a few lines for a prompt or a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from clinometer.errors import printable
from clinometer.measures import parse

__all__ = ["as_html", "as_text"]

_SHOWN = ("Complete@10", "MaxRnorm", "nDCG@1", "nDCG@10", "RankGap", "Intrusion")
_MEANS = {"macro-target": "other languages", "macro-pivot": "the pivot"}
_LINES = 6


def as_text(collection: Mapping[str, Any], encoder: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """A line on what was evaluated, and a line for each of the main means.

    Example:
        >>> row = {"scenario": "multi", "query_language": "macro-target", "measure": "MaxRnorm", "value": 62.0}
        >>> print(as_text({"name": "demo"}, {"name": "offline"}, [row]))
        Evaluation of offline on demo: 1 row
          multi, queries in other languages: Max@R norm 62.0
    """
    lines = [f"Evaluation of {_head(collection, encoder, rows)}"]
    for scenario, queries, values in _means(rows):
        measures = ", ".join(f"{name} {value}" for name, value in values.items())
        lines.append(f"  {scenario}, queries in {queries}: {measures}")
    return "\n".join(map(printable, lines))


def as_html(collection: Mapping[str, Any], encoder: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """The same as a small table; everything that comes from a result is escaped."""
    means = _means(rows)
    names = list(dict.fromkeys(name for _, _, values in means for name in values))
    lines = [(scenario, queries, *(values.get(name, "") for name in names)) for scenario, queries, values in means]
    header = _elements("th", ("scenario", "queries in", *names))
    body = "".join(f"<tr>{_elements('td', line)}</tr>" for line in lines)
    return f"<p>{escape(_head(collection, encoder, rows))}</p><table><tr>{header}</tr>{body}</table>"


def _elements(tag: str, texts: Sequence[str]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)


def _head(collection: Mapping[str, Any], encoder: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    count = f"{len(rows):,} row{'' if len(rows) == 1 else 's'}"
    return f"{encoder.get('name', 'an encoder')} on {collection.get('name', 'a collection')}: {count}"


def _means(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, dict[str, str]]]:
    """Scenario, queries, and the shown measures of each mean; of single languages if there are no means."""
    means = [row for row in rows if row["query_language"] in _MEANS]
    values: dict[tuple[str, str], dict[str, str]] = {}
    for row in means or rows:
        if row["measure"] in _SHOWN and row["value"] is not None:
            queries = _MEANS.get(row["query_language"], row["query_language"])
            (measure,) = parse([row["measure"]])
            digits = 1 if measure.unit == "%" else 3
            values.setdefault((row["scenario"], queries), {})[measure.display] = f"{row['value']:.{digits}f}"
    return [(scenario, queries, measures) for (scenario, queries), measures in values.items()][:_LINES]
