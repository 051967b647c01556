"""Changes: the rows of a comparison, from paired values to differences, intervals, p-values and effect sizes.

Means over settings are plain means of their means. A question has one draw and one sign in all settings, for its
translations are not independent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.comparison.paired import Block, Place
from clinometer.measures import parse
from clinometer.statistics.resampling import BootstrapMeans, Resamples
from clinometer.statistics.significance import paired_effect, permutation_test

__all__ = ["change_rows"]

Values = NDArray[np.float64]


@dataclass(frozen=True)
class _Part:
    """A row in the making: its place and the columns of the block that it is the mean of."""

    place: Place
    columns: list[int]


def change_rows(
    block: Block,
    plain: bool,
    gaps: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    pivot: str,
    resamples: Resamples,
) -> list[dict[str, Any]]:
    """Rows of one measure in one scenario, means first.

    Args:
        block: Its values.
        plain: Whether the measure itself is wanted.
        gaps: Names of the language gaps of this measure that are wanted.
        groups: Names and languages of further means.
        pivot: The language whose inclination is measured.
        resamples: How differences are tested.
    """
    rows = _plain(block, _parts(block, groups, pivot), resamples) if plain else []
    if gaps and block.scenario == "multi":
        found = _gaps(block, groups, pivot, resamples)
        rows += [row | {"measure": gap} for gap in gaps for row in found]
    return rows


def _parts(block: Block, groups: Mapping[str, Sequence[str]], pivot: str) -> list[_Part]:
    """Means that are over several settings (those of a group: over one or more), then the settings themselves."""
    languages = [place.query_language for place in block.places]
    everything = range(len(languages))
    means = {
        "macro": list(everything),
        "macro-target": [column for column in everything if languages[column] != pivot],
        "macro-pivot": [column for column in everything if languages[column] == pivot],
    }
    parts = [_Part(Place(block.scenario, name, ("*",)), columns) for name, columns in means.items() if len(columns) > 1]
    for name, members in groups.items():
        columns = [column for column in everything if languages[column] in members]
        parts += [_Part(Place(block.scenario, name, ("*",)), columns)] if columns else []
    return parts + [_Part(place, [column]) for column, place in enumerate(block.places)]


def _plain(block: Block, parts: Sequence[_Part], resamples: Resamples) -> list[dict[str, Any]]:
    differences = block.after - block.before
    counted = np.count_nonzero(~np.isnan(differences), axis=0)
    sampled = BootstrapMeans.of(differences, resamples)
    # A question's share of a mean of means: the sum of the shares is the mean, whatever their signs.
    shares = np.stack([_over_questions(differences / counted, part.columns, np.nansum) for part in parts], axis=1)
    p = permutation_test(np.zeros_like(shares), shares, resamples)
    questions = np.stack([_over_questions(differences, part.columns, np.nanmean) for part in parts], axis=1)
    effects = paired_effect(np.zeros_like(questions), questions).d_z
    measure = parse([block.measure])[0]
    toward_zero, lower = measure.zero_is_best, measure.higher_is_better
    lower = None if lower is None else not lower
    rows = []
    for number, part in enumerate(parts):
        columns = part.columns
        before, after = (float(np.nanmean(values[:, columns], axis=0).mean()) for values in (block.before, block.after))
        estimate = sampled.mean(columns)
        if toward_zero:
            gains, gain = np.abs(block.before[:, columns]) - np.abs(block.after[:, columns]), abs(before) - abs(after)
        else:
            sign = -1.0 if lower else 1.0
            gains, gain = sign * differences[:, columns], sign * estimate.value
        directed = toward_zero or lower is not None
        rows.append(
            _row(part.place, block.measure, before, after, (estimate.value, estimate.low, estimate.high))
            | {
                "p": float(p[number]),
                "effect": _known(effects[number]),
                "better": int(np.count_nonzero(gains > 0)) if directed else None,
                "worse": int(np.count_nonzero(gains < 0)) if directed else None,
                "equal": int(np.count_nonzero(gains == 0)),
                "queries": int(counted[columns].sum()),
                "lower_is_better": lower,
                "improved": gain > 0 if directed and gain else None,
            }
        )
    return rows


def _over_questions(values: Values, columns: list[int], combine: Any) -> Values:
    """One number for each question that has a value in one of the columns."""
    combined = np.full(len(values), np.nan)
    held = ~np.isnan(values[:, columns]).all(axis=1)
    combined[held] = combine(values[held][:, columns], axis=1)
    return combined


def _gaps(block: Block, groups: Mapping[str, Sequence[str]], pivot: str, resamples: Resamples) -> list[dict[str, Any]]:
    """Differences of language gaps: of two query languages that share a pool, shown with the second."""
    pairs: dict[Place, tuple[int, int]] = {}
    for column, place in enumerate(block.places):
        if place.query_language != place.pool[0]:
            partner = [n for n, other in enumerate(block.places) if n != column and other.pool == place.pool]
            if partner:
                pairs[place] = (partner[0], column)
    if not pairs:
        return []
    size = len(block.places)
    sampled = BootstrapMeans.of(np.hstack([block.before, block.after]), resamples)
    means, drawn = sampled.means[None], sampled.resampled
    with_pivot = [place for place in pairs if pivot in place.pool]
    parts = {Place("multi", "macro-target", ("*",)): with_pivot} if len(with_pivot) > 1 else {}
    for name, members in groups.items():
        if held := [place for place in with_pivot if place.query_language in members]:
            parts[Place("multi", name, ("*",))] = held
    parts |= {place: [place] for place in pairs}
    counted = np.count_nonzero(~np.isnan(block.before), axis=0)
    rows = []
    for place, held in parts.items():
        first, second = (np.array([pairs[one][side] for one in held]) for side in (0, 1))

        def gap(values: Values, at: int, first: Any = first, second: Any = second) -> Values:
            found: Values = np.abs(values[:, first + at] - values[:, second + at]).mean(axis=1)
            return found

        before, after = float(gap(means, 0)[0]), float(gap(means, size)[0])
        changes = gap(drawn, size) - gap(drawn, 0)
        changes = changes[~np.isnan(changes)]
        tail = (1 - resamples.confidence) / 2
        low, high = np.quantile(changes, [tail, 1 - tail]) if changes.size else (np.nan, np.nan)
        empty = dict.fromkeys(("p", "effect", "better", "worse", "equal"))
        queries = int(sum(min(counted[pairs[one][0]], counted[pairs[one][1]]) for one in held))
        rows.append(
            _row(place, block.measure, before, after, (after - before, float(low), float(high)))
            | empty
            | {"queries": queries, "lower_is_better": True, "improved": None if after == before else after < before}
        )
    return rows


def _row(
    place: Place, measure: str, before: float, after: float, difference: tuple[float, float, float]
) -> dict[str, Any]:
    return {
        "scenario": place.scenario,
        "query_language": place.query_language,
        "pool_languages": list(place.pool),
        "measure": measure,
        "before": before,
        "after": after,
        "difference": difference[0],
        "ci_low": _known(difference[1]),
        "ci_high": _known(difference[2]),
    }


def _known(number: float) -> float | None:
    return None if np.isnan(number) else float(number)
