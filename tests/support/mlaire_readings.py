"""The measures of MLAIRE and ours beside them, each read from an order of the documents, from the top."""

from __future__ import annotations

from math import log2, nan
from typing import get_args

import numpy as np

from clinometer.measures.preference import Part
from support import ranking_reference as reference
from support.ranking_reference import Pool, Reading

PARTS: tuple[Part, ...] = get_args(Part)


def first_of_answers(own: int) -> Reading:
    def reading(pool: Pool, order: list[int]) -> float:
        in_pool = {pool.languages[d] for d in pool.relevant}
        spoken = [pool.languages[d] for d in order if pool.grades[d] > 0]
        return 100.0 * (spoken[0] == own) if spoken and own in in_pool and in_pool != {own} else nan

    return reading


def pairs_won(own: int) -> Reading:
    def reading(pool: Pool, order: list[int]) -> float:
        pairs = [reference.pivot_first(own, other)(pool, order) for other in range(3) if other != own]
        won = [value for value in pairs if not np.isnan(value)]
        return 100.0 * sum(won) / len(won) if won else nan

    return reading


def top_if_relevant(own: int) -> Reading:
    def reading(pool: Pool, order: list[int]) -> float:
        return first_of_answers(own)(pool, order) if order and pool.grades[order[0]] > 0 else nan

    return reading


def top_in(own: int) -> Reading:
    return lambda pool, order: 100.0 * (pool.languages[order[0]] == own) if order else nan


def part_of_top(name: str, own: int) -> Reading:
    def reading(pool: Pool, order: list[int]) -> float:
        if not order:
            return nan
        top = order[0]
        found = ("SR-" if pool.grades[top] > 0 else "NSR-") + ("QL" if pool.languages[top] == own else "NQL")
        return 100.0 * (found == name)

    return reading


def gain_ratio(own: int, gain: float, cutoff: int) -> Reading:
    def reading(pool: Pool, order: list[int]) -> float:
        def discounted(gains: list[float]) -> float:
            return sum(value / log2(rank + 1) for rank, value in enumerate(gains[:cutoff], 1))

        if all(pool.languages[d] != own for d in pool.relevant):
            return nan
        gains = [pool.grades[d] * (1.0 if pool.languages[d] == own else gain) for d in pool.documents]
        return discounted([gains[d] for d in order]) / discounted(sorted(gains, reverse=True))

    return reading


def distance(pool: Pool, order: list[int]) -> float:
    ranks = reference.ranks(pool, order)
    return max(ranks) - min(ranks) if len(ranks) > 1 and not pool.missed else nan


def found_in_others(own: int, cutoff: int) -> Reading:
    def reading(pool: Pool, order: list[int]) -> float:
        others = {d for d in pool.relevant if pool.languages[d] != own}
        return len(others & set(order[:cutoff])) / len(others) if others else nan

    return reading


def violated(own: int) -> Reading:
    def reading(pool: Pool, order: list[int]) -> float:
        if all(pool.languages[d] == own for d in pool.relevant):
            return nan
        above = order if pool.missed else order[: reference.ranks(pool, order)[-1]]
        value = float(any(pool.languages[d] == own and not pool.is_related(d) for d in above))
        return nan if pool.missed and not value else value

    return reading


def named_readings(own: int) -> dict[str, Reading]:
    """Every one of them for a language of questions, by its name as it is written."""
    return {
        "LPR": first_of_answers(own),
        "LPR(variant=top1)": top_if_relevant(own),
        "LPR(variant=any)": top_in(own),
        "LPR(variant=pair)": pairs_won(own),
        "LangNDCG@3": gain_ratio(own, 0.5, 3),
        "LangNDCG(gain=0)@1": gain_ratio(own, 0.0, 1),
        **{f"FourWay({part})": part_of_top(part, own) for part in PARTS},
        "RankDistance": distance,
        "StrongViolation": violated(own),
        "TLR@2": found_in_others(own, 2),
        "nDCG@1": reference.ndcg(1),
    }


NAMED = tuple(named_readings(0))
