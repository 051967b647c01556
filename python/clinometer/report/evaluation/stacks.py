"""The figure of parts of a whole: for each line a bar of parts, in the order of the key, with their numbers."""

from __future__ import annotations

from collections.abc import Sequence

from clinometer.report.base import wording
from clinometer.report.base.canvas import Mark, Sheet
from clinometer.report.evaluation.figures import Drawing

__all__ = ["draw_stacks", "longest_bar"]


def draw_stacks(
    labels: Sequence[str],
    marks: Sequence[Mark],
    columns: Sequence[Sequence[float | None]],
    *,
    name: str,
    title: str,
    longest: float | None = None,
    tips: Sequence[Sequence[str]] | None = None,
    keys: Sequence[str] = (),
) -> Drawing | None:
    """Percentages as stacked bars; None without a number other than 0.

    There is one column of percentages for each mark, with one for each label. The axis ends at `longest`, by default
    at the longest bar. `tips` are texts in the shape of the columns, `keys` the languages of the labels.
    """
    parts = [(mark, numbers) for mark, numbers in zip(marks, columns, strict=True) if any(numbers)]
    if not parts:
        return None
    key, values = [mark for mark, _ in parts], [numbers for _, numbers in parts]
    if tips is None:
        tips = [
            [f"{label}, {mark.text}: {_number(number or 0)}" for label, number in zip(labels, numbers, strict=True)]
            for mark, numbers in zip(marks, columns, strict=True)
        ]
    shown = [texts for texts, numbers in zip(tips, columns, strict=True) if any(numbers)]
    end = min(100.0, 1.04 * (longest_bar(values) if longest is None else longest))
    step = next(size for size in (0.2, 0.5, 1, 2, 5, 10, 20) if end / size <= 6)
    sheet = Sheet(len(labels), 1, labels, (0, end), 0.25, 0.1, 0.36, keys)
    ticks = sheet.multiples(step)
    sheet.grid(ticks)
    sheet.stacks(key, values, shown)
    sheet.ticks(ticks, [f"{tick:g}%" for tick in ticks])
    phrases = []
    for mark, numbers in parts:
        known = [(number, label) for number, label in zip(numbers, labels, strict=True) if number is not None]
        (low, low_label), (high, high_label) = min(known), max(known)
        ends = f"{_number(low)} ({low_label}) to {_number(high)} ({high_label})"
        phrases.append(f"{mark.text}: from {ends}" if len(known) > 1 else f"{mark.text}: {_number(low)}")
    return Drawing.of(sheet, name, key, title, f"{title}. {'; '.join(phrases)}.")


def longest_bar(columns: Sequence[Sequence[float | None]]) -> float:
    """The largest sum over the columns, of any line."""
    return max((sum(number or 0 for number in numbers) for numbers in zip(*columns, strict=True)), default=0.0)


def _number(value: float) -> str:
    return f"{wording.value('Complete@10', value)}%"
