"""Changes: the rows of a comparison, from paired values to differences, intervals, p-values and effect sizes.

Means over settings are plain means of their means. A cluster of questions counts as one in all settings, because
translations, and questions that share an answer, are not independent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.comparison.paired import PairedValues, Place
from clinometer.measures import parse
from clinometer.statistics.resampling import BootstrapMeans, Estimate, Resamples
from clinometer.statistics.significance import paired_effect, permutation_test

__all__ = ["change_rows"]

Values = NDArray[np.float64]


@dataclass(frozen=True)
class _Part:
    """A row to compute: its place, and the columns of the paired values that it is the mean of."""

    place: Place
    columns: list[int]


def change_rows(
    pairs: PairedValues,
    plain: bool,
    gaps: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    pivot: str,
    resamples: Resamples,
) -> list[dict[str, Any]]:
    """Rows of one measure in one scenario, means first.

    Args:
        pairs: Values of the measure.
        plain: Whether to give rows of the measure itself.
        gaps: Names of the language gaps of this measure to give rows of.
        groups: Languages of further means, by name.
        pivot: The language whose inclination is measured.
        resamples: Resamples of the intervals and tests.
    """
    rows = _plain(pairs, _parts(pairs, groups, pivot), resamples) if plain else []
    if gaps and pairs.scenario == "multi":
        gap_rows = _gaps(pairs, groups, pivot, resamples)
        rows += [row | {"measure": gap} for gap in gaps for row in gap_rows]
    return rows


def _parts(pairs: PairedValues, groups: Mapping[str, Sequence[str]], pivot: str) -> list[_Part]:
    """Means over several settings (those of a group: over one or more), then the settings themselves."""
    languages = [place.query_language for place in pairs.places]
    all_columns = range(len(languages))
    means = {
        "macro": list(all_columns),
        "macro-target": [column for column in all_columns if languages[column] != pivot],
        "macro-pivot": [column for column in all_columns if languages[column] == pivot],
    }
    parts = [_Part(Place(pairs.scenario, name, ("*",)), columns) for name, columns in means.items() if len(columns) > 1]
    for name, members in groups.items():
        columns = [column for column in all_columns if languages[column] in members]
        parts += [_Part(Place(pairs.scenario, name, ("*",)), columns)] if columns else []
    return parts + [_Part(place, [column]) for column, place in enumerate(pairs.places)]


def _plain(pairs: PairedValues, parts: Sequence[_Part], resamples: Resamples) -> list[dict[str, Any]]:
    differences = pairs.after - pairs.before
    counted = np.count_nonzero(~np.isnan(differences), axis=0)
    measure = parse([pairs.measure])[0]
    low, high = measure.range
    ranges = [(low - high, high - low)] * len(pairs.places)
    sampled = BootstrapMeans.of(differences, resamples, pairs.clusters, ranges)
    # A question's share of a mean of means: the sum of the shares is the mean, for any signs.
    shares = np.stack([_over_questions(differences / counted, part.columns, np.nansum) for part in parts], axis=1)
    p = permutation_test(np.zeros_like(shares), shares, resamples, pairs.clusters)
    questions = np.stack([_over_questions(differences, part.columns, np.nanmean) for part in parts], axis=1)
    effects = paired_effect(np.zeros_like(questions), questions).d_z
    toward_zero, lower = measure.zero_is_best, measure.higher_is_better
    lower = None if lower is None else not lower
    rows = []
    for number, part in enumerate(parts):
        columns = part.columns
        before, after = (float(np.nanmean(values[:, columns], axis=0).mean()) for values in (pairs.before, pairs.after))
        estimate = sampled.mean(columns)
        if toward_zero:
            gains, gain = np.abs(pairs.before[:, columns]) - np.abs(pairs.after[:, columns]), abs(before) - abs(after)
        else:
            sign = -1.0 if lower else 1.0
            gains, gain = sign * differences[:, columns], sign * estimate.value
        directed = toward_zero or lower is not None
        rows.append(
            _row(part.place, pairs.measure, before, after, estimate)
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
    defined = ~np.isnan(values[:, columns]).all(axis=1)
    combined[defined] = combine(values[defined][:, columns], axis=1)
    return combined


def _gaps(
    pairs: PairedValues, groups: Mapping[str, Sequence[str]], pivot: str, resamples: Resamples
) -> list[dict[str, Any]]:
    """Differences of language gaps between the two query languages of a pool, with the second as query language."""
    partners: dict[Place, tuple[int, int]] = {}
    for column, place in enumerate(pairs.places):
        if place.query_language != place.pool[0]:
            partner = [n for n, place_n in enumerate(pairs.places) if n != column and place_n.pool == place.pool]
            if partner:
                partners[place] = (partner[0], column)
    if not partners:
        return []
    size = len(pairs.places)
    ranges = [parse([pairs.measure])[0].range] * (2 * size)
    sampled = BootstrapMeans.of(np.hstack([pairs.before, pairs.after]), resamples, pairs.clusters, ranges)
    with_pivot = [place for place in partners if pivot in place.pool]
    parts = {Place("multi", "macro-target", ("*",)): with_pivot} if len(with_pivot) > 1 else {}
    for name, languages in groups.items():
        if places := [place for place in with_pivot if place.query_language in languages]:
            parts[Place("multi", name, ("*",))] = places
    parts |= {place: [place] for place in partners}
    counted = np.count_nonzero(~np.isnan(pairs.before), axis=0)
    rows = []
    for place, members in parts.items():
        first, second = (np.array([partners[member][side] for member in members]) for side in (0, 1))
        sides = [list(zip(first + offset, second + offset, strict=True)) for offset in (0, size)]
        before, after = (
            float(np.mean([abs(sampled.means[a] - sampled.means[b]) for a, b in pairs_of])) for pairs_of in sides
        )
        estimate = replace(sampled.distance_change(*sides), value=after - before)
        empty = dict.fromkeys(("p", "effect", "better", "worse", "equal"))
        queries = int(np.minimum(counted[first], counted[second]).sum())
        rows.append(
            _row(place, pairs.measure, before, after, estimate)
            | empty
            | {"queries": queries, "lower_is_better": True, "improved": None if after == before else after < before}
        )
    return rows


def _row(place: Place, measure: str, before: float, after: float, difference: Estimate) -> dict[str, Any]:
    return {
        "scenario": place.scenario,
        "query_language": place.query_language,
        "pool_languages": list(place.pool),
        "measure": measure,
        "before": before,
        "after": after,
        "difference": difference.value,
        "ci_low": _known(difference.low),
        "ci_high": _known(difference.high),
    }


def _known(number: float) -> float | None:
    return None if np.isnan(number) else float(number)
