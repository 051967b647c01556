"""The figure of parts of a whole: for each line a bar of parts, in the order of the key, with their numbers."""

from __future__ import annotations

from collections.abc import Sequence

from clinometer.report.base import wording
from clinometer.report.base.canvas import Mark, canvas
from clinometer.report.evaluation.figures import Drawing

__all__ = ["draw_stacks"]


def draw_stacks(
    labels: Sequence[str],
    marks: Sequence[Mark],
    columns: Sequence[Sequence[float | None]],
    *,
    name: str,
    title: str,
    whole: bool,
) -> Drawing | None:
    """Percentages as stacked bars; None without a number other than 0.

    There is one column of percentages for each mark, with one for each label. The parts of a `whole` add up to 100;
    else the axis ends at the longest bar.
    """
    parts = [(mark, numbers) for mark, numbers in zip(marks, columns, strict=True) if any(numbers)]
    if not parts:
        return None
    key, values = [mark for mark, _ in parts], [numbers for _, numbers in parts]
    longest = max(sum(numbers[y] or 0 for numbers in values) for y in range(len(labels)))
    end = 100.0 if whole else min(100.0, longest * 1.04)
    step = next(size for size in (0.2, 0.5, 1, 2, 5, 10, 20) if end / size <= 6)
    with canvas() as new:
        sheet = new(len(labels), 1, labels, right=0.25, top=0.1, bottom=0.36)
        sheet.axes.set_xlim(0, end)
        sheet.grid()
        sheet.stacks(key, values, end)
        ticks = [step * i for i in range(int(end / step + 1e-9) + 1)]
        sheet.ticks(ticks, [f"{tick:g}%" for tick in ticks])
        phrases = []
        for mark, numbers in parts:
            known = [(number, label) for number, label in zip(numbers, labels, strict=True) if number is not None]
            (low, low_label), (high, high_label) = min(known), max(known)
            ends = f"{_number(low)} ({low_label}) to {_number(high)} ({high_label})"
            phrases.append(f"{mark.text}: from {ends}" if len(known) > 1 else f"{mark.text}: {_number(low)}")
        return Drawing.of(sheet, name, key, title, f"{title}. {'; '.join(phrases)}.")


def _number(value: float) -> str:
    return f"{wording.value('Complete@10', value)}%"
