"""Harm: single languages in which a measure becomes worse by more than a tolerance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["worse_rows"]

_ROUNDING = 1e-12


def worse_rows(
    rows: Sequence[Mapping[str, Any]], measure: str, scenario: str, tolerance: float
) -> list[dict[str, Any]] | None:
    """The rows whose values become worse by more than the tolerance, the worst first.

    Args:
        rows: Rows of single languages, as in `clinometer.comparison.Comparison.rows`.
        measure: Name of a measure with a direction, in canonical spelling.
        scenario: Name of the scenario.
        tolerance: Largest accepted change for the worse, in the unit of the measure.

    Returns:
        The rows; None without rows of the measure in the scenario, so that nothing was checked.

    Example:
        >>> row = {"measure": "RR", "scenario": "multi", "difference": -0.2, "lower_is_better": False}
        >>> len(worse_rows([row], "RR", "multi", 0.1)), worse_rows([row], "RR", "multi", 0.3)
        (1, [])
    """
    checked = [
        row
        for row in rows
        if (row["measure"], row["scenario"]) == (measure, scenario) and row["lower_is_better"] is not None
    ]
    if not checked:
        return None
    losses = [(row["difference"] if row["lower_is_better"] else -row["difference"], dict(row)) for row in checked]
    return [row for loss, row in sorted(losses, key=lambda pair: -pair[0]) if loss > tolerance + _ROUNDING]
