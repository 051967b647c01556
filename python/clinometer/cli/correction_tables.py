"""The tables of `clinometer correct`: what a correction was fitted on, and what an expansion blends, by language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["expansion_lines", "fit_lines"]


def fit_lines(correction: Any, languages: Sequence[Mapping[str, Any]]) -> list[str]:
    """Facts about a fitted correction, and a table of its languages."""
    settings = correction.settings
    origin = settings.get("fitted_on") or {}
    # A correction that a program fitted and saved may say less.
    words = {"source": "on", "encoder": "with"}
    known = " ".join(f"{word} {origin[name]}" for name, word in words.items() if name in origin)
    fitted_on = f", fitted {known}" if known else ""
    name = "center + turn" if "turn" in settings else correction.method
    facts = [f"{name} {correction.digest}{fitted_on}"]
    if "turn" in settings:
        facts.append(f"turned to {settings['turn']['pivot']}: {', '.join(correction.turned)}")
    facts += [
        f"{name.replace('_', ' ')}: {settings[name]}"
        for name in ("directions_removed", "components", "scale")
        if settings.get(name)
    ]
    return [*facts, "", *_table(languages)] if languages else facts


def expansion_lines(expansion: Any) -> list[str]:
    """Facts about an expansion, and a table of its languages."""
    from clinometer.correction.fitting import mining_facts

    record = expansion.settings
    blended = f"{record['documents_expanded']:,} of {expansion.size:,} documents blended"
    facts = f"expanded by {expansion.weight:g} with translations in {record['pivot']}: {', '.join(expansion.expanded)}"
    languages = [
        {"language": label, "documents": tried, **mining_facts(record, label)}
        for label, tried in record["documents_tried"].items()
    ]
    return [f"{facts}; {blended}", "", *_table(languages)]


def _table(languages: Sequence[Mapping[str, Any]]) -> list[str]:
    names = [name for name in languages[0] if any(language_row[name] is not None for language_row in languages)]
    table = [[_HEADS[name] for name in names]]
    table += [[_cell(language_row[name]) for name in names] for language_row in languages]
    widths = [max(len(row[column]) for row in table) for column in range(len(names))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
    return [lines[0], "-" * len(lines[0]), *lines[1:]]


_HEADS = {
    "language": "language",
    "documents": "documents",
    "queries": "queries",
    "mean_length": "mean length",
    "query_mean_length": "of queries",
    "strength": "strength",
    "query_strength": "for queries",
    "pairs": "pairs",
    "by_chance": "by chance",
    "margin": "margin",
    "pairs_right": "right",
}


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
