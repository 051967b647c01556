"""Model cards: results of clinometer as a section of a model's `README.md`, replaced when it is written again.

Everything outside the section, including the metadata at the top, is left unchanged.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clinometer.errors import MissingFileError, UsageError
from clinometer.evaluation.results import Evaluation
from clinometer.files import put_section
from clinometer.measures import parse

__all__ = ["COLUMNS", "add_to_card", "card_section"]

COLUMNS: tuple[tuple[str, str], ...] = (
    ("multi", "Complete@10"),
    ("multi", "MaxRnorm"),
    ("multi", "RankGap"),
    ("one-sided", "Intrusion"),
    ("one-sided", "Intrusion(by=own)"),
    ("mono-same", "nDCG@10"),
)
"""Default columns of a card: scenario and measure."""
_DIGITS = {"%": 1, "0-100": 1, "0-1": 3}


def add_to_card(
    model: str | os.PathLike[str], evaluation: Evaluation, *, columns: Sequence[tuple[str, str]] = COLUMNS
) -> Path:
    """Put a table of an evaluation into a model's card, in place of an earlier one of the same collection.

    Args:
        model: The model's folder, or its `README.md`; a missing card is created.
        evaluation: The results.
        columns: Scenario and measure of each column; those that the results lack are left out.

    Returns:
        The path of the card.

    Raises:
        FileNotFoundError: The folder does not exist.
        UsageError: The results have none of the columns.
    """
    path = Path(model)
    card = path if path.suffix == ".md" else path / "README.md"
    if not card.parent.is_dir():
        raise MissingFileError(f"the folder {card.parent} does not exist; save the model before writing its card")
    put_section(card, str(evaluation.collection["name"]), card_section(evaluation, columns=columns))
    return card


def card_section(evaluation: Evaluation, *, columns: Sequence[tuple[str, str]] = COLUMNS) -> str:
    """The section as Markdown: a table by query language, followed by data, options and notices.

    A language with several pools, such as the pivot, is left out; the means of the results include it.

    Raises:
        UsageError: The results have none of the columns.
    """
    values: dict[tuple[str, str], dict[str, Any]] = {}
    for scenario, name in columns:
        measure = str(parse([name])[0])
        values_of: dict[str, list[Any]] = {}
        for row in evaluation.rows:
            if (row["scenario"], row["measure"]) == (scenario, measure):
                values_of.setdefault(row["query_language"], []).append(row["value"])
        if values_of:
            values[scenario, measure] = {label: group[0] for label, group in values_of.items() if len(group) == 1}
    if not values:
        column_names = ", ".join(f"{measure} in {scenario}" for scenario, measure in columns)
        raise UsageError(f"the results have none of {column_names}; choose other columns")
    labels = dict.fromkeys(label for column in values.values() for label in column if not label.startswith("macro"))
    target_column = next((column for column in values.values() if "macro-target" in column), {})
    lines = [
        "| questions in | " + " | ".join(f"{_display(measure)}, {scenario}" for scenario, measure in values) + " |",
        "|---|" + "--:|" * len(values),
    ]
    for label in (*labels, *(["macro-target"] if target_column else [])):
        cells = " | ".join(_number(column.get(label), measure) for (_, measure), column in values.items())
        lines.append(f"| {'**mean without the pivot**' if label == 'macro-target' else label} | {cells} |")
    facts = evaluation.collection
    encoder = evaluation.encoder
    prompt_texts = [repr(encoder.get(side)) for side in ("query_prompt", "document_prompt") if encoder.get(side)]
    prompts = f"prompts {' and '.join(prompt_texts)}" if prompt_texts else "no prompts"
    digest = str(facts.get("digest", ""))[:12]
    documents = sum((facts.get("documents") or {}).values())
    notes = [
        f"Measured with clinometer {evaluation.settings.get('version', '')} on {facts['name']}: {documents:,} "
        f"documents in {', '.join(facts.get('languages') or [])}, digest `{digest}`, {prompts}, pivot "
        f"{evaluation.settings.get('pivot')}.",
        *(f"Note: {notice}." for notice in evaluation.notices),
    ]
    title = f"## Language bias in mixed pools: {facts['name']}"
    return "\n".join([title, "", *lines, "", *notes])


def _display(name: str) -> str:
    (measure,) = parse([name])
    return re.sub(r"\s+", " ", str(measure))


def _number(value: float | None, name: str) -> str:
    (measure,) = parse([name])
    return "" if value is None else f"{value:.{_DIGITS.get(measure.unit, 2)}f}".replace("-", "−")
