"""How often the advice gives up a good remedy, or takes a harmful one: by the fall alone, and by its rule.

    python -m studies.remedies.veto

Made paired differences of nDCG@1: a share of the questions loses its first place and another gains it. As in the
advice, neither half of the questions must speak against the remedy. `SHARE` of the questions change, as by centering on
TICO-19 with multilingual-e5-small, or as many as the change needs. Results go to studies/results/veto.json, which
`python -m studies.remedies.page` draws.
"""

from __future__ import annotations

from functools import cache
from math import comb
from typing import Any

import numpy as np

from clinometer.advice.measured import largest_fall, too_low
from clinometer.statistics.resampling import BootstrapMeans, Resamples
from studies.command_line import parser
from studies.result_files import write_result

TOLERANCE = 0.01
SHARE = 0.07
CHANGES = (0.02, 0.0, -0.01, -0.02, -0.05, -0.1)
JUDGED = (60, 100, 300, 1000, 3000)
TRIALS = 2000


def drawn(change: float, questions: int, seed: int) -> Any:
    """`(questions, TRIALS)` differences, of which `SHARE` or more are not 0, with this mean."""
    share = max(SHARE, abs(change))
    signs = np.array([-1.0, 0.0, 1.0])
    odds = (share - change) / 2, 1 - share, (share + change) / 2
    return np.random.default_rng(seed).choice(signs, size=(questions, TRIALS), p=odds)


def p_values(differences: Any) -> list[float]:
    """The paired permutation test of each trial: for differences of one size it is the sign test."""
    losses, gains = (np.count_nonzero(np.sign(differences) == sign, axis=0).tolist() for sign in (-1, 1))
    return [sign_test(*pair) for pair in zip(losses, gains, strict=True)]


@cache
def sign_test(losses: int, gains: int) -> float:
    total = losses + gains
    return min(1.0, 2 * sum(comb(total, count) for count in range(min(losses, gains) + 1)) / 2**total)


def line_of(judged: int, change: float) -> dict[str, Any]:
    """Shares of trials in which both halves let a remedy pass, and the median of the fall that is stated at the end."""
    by_point = hardly_chance = np.ones(TRIALS, dtype=bool)
    for half in range(2):
        differences = drawn(change, judged // 2, half)
        means, p = differences.mean(axis=0), p_values(differences)
        by_point = by_point & [not too_low(mean, None, TOLERANCE) for mean in means]
        hardly_chance = hardly_chance & [not too_low(*one, TOLERANCE) for one in zip(means, p, strict=True)]
    ends = BootstrapMeans.of(differences, Resamples(1), ranges=[(-1.0, 1.0)] * TRIALS).plain()
    stated = np.array([largest_fall({"ci_low": one.low}, TOLERANCE) for one in ends])[hardly_chance]
    return {
        "judged": judged, "change": change, "by_point": float(by_point.mean()),
        "hardly_chance": float(hardly_chance.mean()), "stated": float(np.median(stated)) if len(stated) else None,
    }  # fmt: skip


def main() -> None:
    parser(__doc__).parse_args()
    write_result("veto", [line_of(judged, change) for judged in JUDGED for change in CHANGES])


if __name__ == "__main__":
    main()
