"""The contract of contributed results: what a `results.json` and its `cell.json` must hold besides being readable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from clinometer.analysis.form import AS_IT_IS
from clinometer.errors import FormatError, MeasureError, first_few, shown
from clinometer.evaluation.cells import CELL, Entry, each_entry, key_of
from clinometer.measures import parse
from clinometer.scenarios import SCENARIOS

__all__ = ["check_place", "problems_of"]

_NEEDED = {
    "collection": ("name", "languages", "documents", "queries", "digest"),
    "encoder": ("name", "kind", "revision", "dimension", "query_prompt", "document_prompt", "dtype", "remedies"),
    "settings": ("pivot", "pairs", "scenarios", "measures", "ties", "confidence", "version"),
}
_BOUNDS = {"0-1": 1.0, "share": 1.0, "%": 100.0}
_ROUNDING = 1e-9


def check_place(place: Path) -> list[tuple[str, list[str]]]:
    """Every file of results at a place with what is wrong with it; an empty list of problems for a good one.

    Args:
        place: A `results.json`, its folder, or the folder of a study.

    Raises:
        FileNotFoundError: The place does not exist.
    """
    return [
        (entry.path, [entry.problem]) if isinstance(entry, FormatError) else (str(entry.path), list(problems_of(entry)))
        for entry in each_entry(place)
    ]


def problems_of(entry: Entry) -> Iterator[str]:
    """Sentences on what keeps a result that can be read from being contributed."""
    content = entry.raw()
    if "schema" not in content:
        yield "has no schema, the version of its format; evaluate again"
    for part, names in _NEEDED.items():
        if missing := [name for name in names if content[part].get(name) is None]:
            yield f"its {part} has no {', '.join(missing)}; evaluate again"
    rows = content["rows"]
    if not rows:
        yield "has no rows; evaluate again"
    yield from _row_problems(content, rows)
    if entry.cell is not None:
        yield from _cell_problems(entry)


def _row_problems(content: Mapping[str, Any], rows: list[dict[str, Any]]) -> Iterator[str]:
    languages = content["collection"].get("languages") or []
    seen: set[tuple[Any, ...]] = set()
    problems: list[str] = []
    units: dict[str, str | None] = {}
    for number, row in enumerate(rows):
        problem = _row_problem(row, languages, units)
        place = (row["scenario"], row["query_language"], tuple(sorted(row["pool_languages"])), row["measure"])
        if problem is None and place in seen:
            problem = f"is of the same scenario, languages and measure ({row['measure']}) as an earlier one"
        seen.add(place)
        if problem is not None:
            problems.append(f"row {number} {problem}")
    if problems:
        yield f"{first_few(problems, 3, str)}; evaluate again"


def _row_problem(row: Mapping[str, Any], languages: list[str], units: dict[str, str | None]) -> str | None:
    measure = row["measure"]
    if measure not in units:
        try:
            (known,) = parse([measure])
        except MeasureError:
            units[measure] = None
        else:
            # A gap of languages may be negative, whatever its measure is.
            units[measure] = "" if known.inner is not None else known.unit
    if units[measure] is None:
        return f"has an unknown measure, {shown(measure, 60)}"
    if row["scenario"] not in SCENARIOS:
        return f"has an unknown scenario, {shown(row['scenario'], 60)}"
    labels = [*row["pool_languages"], row["query_language"]]
    other = [label for label in labels if label not in languages and label != "*" and not label.startswith("macro")]
    if other:
        return f"has the language {shown(other[0], 60)}, which the collection has not"
    low, value, high = row["ci_low"], row["value"], row["ci_high"]
    if (low is None) != (high is None) or (low is not None and (value is None or low > high)):
        return "has an interval that is not one"
    most = _BOUNDS.get(units[measure] or "")
    if value is not None and most is not None and not -_ROUNDING <= value <= most + _ROUNDING:
        return f"has the value {value:g} of {measure}, which lies between 0 and {most:g}"
    return None


def _cell_problems(entry: Entry) -> Iterator[str]:
    cell = entry.cell
    assert cell is not None  # noqa: S101 - the caller has looked
    if cell.key != key_of(cell.meaning):
        yield f"its {CELL} has a key that is not of its meaning; run the study again"
    if cell.meaning.get("collection") != entry.content["collection"].get("digest"):
        yield f"its {CELL} is of another collection; run the study again"
    if (cell.remedy == AS_IT_IS) != (not entry.content["encoder"].get("remedies")):
        yield f"its {CELL} says the remedy {cell.remedy}, but its encoder has another one; run the study again"
