"""What an expansion does after centering and a turn: its settings, indexes with few translations, and its cost.

    OMP_WAIT_POLICY=PASSIVE python -m studies.remedies.expansion --work DIR [--parts NAME,...] [ENCODER...]

Uses the embeddings that `studies.remedies.correction` saves in DIR. Parts: `grid`, the choice of margin and weight;
`shares`, indexes with 100 to 0 % translated documents, small and uneven ones; `others`, two ideas that were tried and
not built; `xquad` and `belebele`, which were looked at last, and `xquad-half` and `belebele-half`, the same with the
English or the other version of half of the documents left out. All others are on tico19. Results go to
studies/results/expansion-ENCODER.json; `python -m studies.remedies.turn_page` draws docs/turn.md from them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

import clinometer as cm
from clinometer.correction import Expansion
from clinometer.correction.feedback import WEIGHT as FEEDBACK
from clinometer.errors import UsageError
from clinometer.mining import expanded
from clinometer.vectors import unit_rows
from studies.centering import centered, corrected
from studies.remedies.turn import (
    SEEDS,
    SHARES,
    SIZES,
    Measurement,
    drawn_parts,
    evaluated,
    line_of,
    means,
    measure_parts,
    turn_of,
)
from studies.remedies.turn_cases import ALL_KINDS, PIVOT, Part, by_kind, change, part_of

MARGINS = (1.1, 1.2, 1.3, 1.4)
WEIGHTS = (0.1, 0.2, 0.3, 0.5, 0.8)
STRENGTHS = (0.7, 0.85, 1.0, 1.15)
FUSED = (0.1, 0.3)


def expansion_of(part: Part, d: Any, **options: Any) -> Expansion | None:
    """The expansion of corrected documents by its own rule; None where no language has enough pairs."""
    texts = part.collection.documents
    try:
        return expanded(d, texts.languages, groups=texts.groups, **options)
    except UsageError:
        return None


def kinds(part: Part, q: Any, d: Any, feedback: float | None = None) -> dict[str, float]:
    return by_kind(part, q, d, feedback, ALL_KINDS)


def grid(whole: Part) -> list[dict[str, Any]]:
    """The change by an expansion after the turn, by share, margin and weight: what both were chosen on."""
    lines = []
    for share in (1.0, 0.5, 0.2):
        draws: dict[tuple[float, float], list[dict[str, float]]] = {}
        for part, center in drawn_parts(whole, 240, 240, share):
            q, d = corrected(turn_of(center, part), *part)
            before = kinds(part, q, d)
            for margin in MARGINS:
                expansion = expansion_of(part, d, margin=margin)
                for weight in WEIGHTS:
                    after = before
                    if expansion is not None:
                        after = kinds(part, q, replace(expansion, weight=weight).apply(d))
                    draws.setdefault((margin, weight), []).append(change(before, after))
        lines += [
            {"share": share, "margin": margin, "weight": weight, **means(each)}
            for (margin, weight), each in draws.items()
        ]
        print(*lines[-len(draws) :], sep="\n", file=sys.stderr)
    return lines


def shares(whole: Part) -> list[dict[str, Any]]:
    """The change by the expansion that the rule gives, against the centering and the turn, by sizes and share."""
    lines = []
    for pivot, other in SIZES:
        for share in SHARES:
            draws = []
            for part, center in drawn_parts(whole, pivot, other, share):
                expanded_by = {}
                for name, correction in (("center", center), ("turn", turn_of(center, part))):
                    q, d = corrected(correction, *part)
                    expansion = expansion_of(part, d)
                    start = kinds(part, q, d)
                    after = start if expansion is None else kinds(part, q, expansion.apply(d))
                    record = {} if expansion is None else expansion.settings
                    expanded_by |= {f"{name} {key}": value for key, value in change(start, after).items()}
                    counts = [record["pairs"][label] for label in record.get("expanded", [])]
                    right = [record["pairs_right"][label] for label in record.get("expanded", [])]
                    expanded_by |= {
                        f"{name} languages": len(counts),
                        f"{name} pairs": float(np.mean(counts)) if counts else float("nan"),
                        f"{name} right": float(np.average(right, weights=counts)) if counts else float("nan"),
                    }
                draws.append(expanded_by)
            lines.append({"pivot_documents": pivot, "other_documents": other, "share": share, **means(draws)})
            print(lines[-1], file=sys.stderr)
    return lines


def others(whole: Part) -> list[dict[str, Any]]:
    """Two ideas after centering, turn and expansion: scores fused with the uncorrected ones, strengths by language."""
    center = centered(*whole)
    turn = turn_of(center, whole)
    q, d = corrected(turn, *whole)
    expansion = expansion_of(whole, d)
    assert expansion is not None
    d = expansion.apply(d)
    before = kinds(whole, q, d)
    lines: list[dict[str, Any]] = [{"idea": "none", **before}]
    plain = [unit_rows(side, "rows") for side in (whole.q, whole.d)]
    for weight in FUSED:  # a sum of two cosines is one product of longer rows
        fused = [
            np.concatenate([side, np.sqrt(weight) * raw], axis=1).astype(np.float32)
            for side, raw in zip((q, d), plain, strict=True)
        ]
        lines.append(
            {"idea": f"fused with {weight:g} of the uncorrected scores", **change(before, kinds(whole, *fused))}
        )
    return lines + by_language(whole)


def by_language(whole: Part) -> list[dict[str, Any]]:
    """Strengths by language that are best on half of the questions, measured on the other half, after centering."""
    center, groups = centered(*whole), np.array(whole.collection.documents.groups)
    raw = unit_rows(whole.d, "documents")
    straight = center.apply(whole.d, whole.collection.documents.languages)
    labels = np.array(whole.collection.documents.languages)
    q = center.apply_queries(whole.q, whole.collection.queries.languages)
    distinct = np.unique(groups)
    draws = []
    for seed in range(SEEDS):
        drawn = np.isin(groups, np.random.default_rng(seed).permutation(distinct)[: len(distinct) // 2])
        rows, other_rows = np.flatnonzero(drawn), np.flatnonzero(~drawn)
        chosen_on, judged_on = (part_of(whole.collection, q, straight, each) for each in (rows, other_rows))
        chosen = {}
        for label in sorted(set(labels.tolist()) - {PIVOT}):
            values = {}
            for strength in STRENGTHS:
                d = _at(center, raw, straight, labels, {label: strength})
                values[strength] = kinds(chosen_on, chosen_on.q, d[rows])
            chosen[label] = max(STRENGTHS, key=lambda strength: (values[strength]["both"], -abs(strength - 1)))
        d = _at(center, raw, straight, labels, chosen)
        before, after = (kinds(judged_on, judged_on.q, each[other_rows]) for each in (straight, d))
        draws.append(change(before, after))
    return [{"idea": "strength by language, chosen on other questions", **means(draws)}]


def _at(center: Any, raw: Any, straight: Any, labels: Any, strengths: dict[str, float]) -> Any:
    """Centered documents, of some languages at another strength."""
    d = straight.copy()
    for label, strength in strengths.items():
        rows = np.flatnonzero(labels == label)
        d[rows] = center.with_strength(strength).apply(raw[rows], labels[rows].tolist())
    return d


class Stack(NamedTuple):
    """Embeddings after a centering, perhaps a turn and perhaps an expansion, and the weight of feedback."""

    name: str
    q: Any
    d: Any
    feedback: float | None
    expansion: Expansion | None


def stacks(part: Part, names: Sequence[str]) -> Iterator[Stack]:
    """The stacks of these names, each correction fitted once."""
    center = centered(*part)
    before: dict[str, tuple[Any, Any, Expansion | None]] = {}
    for name, correction in (("center", center), ("center, turn", turn_of(center, part))):
        q, d = corrected(correction, *part)
        expansion = expansion_of(part, d)
        before[name] = q, d, None
        before[f"{name}, expansion"] = q, d if expansion is None else expansion.apply(d), expansion
    for name in names:
        q, d, expansion = before[name.removesuffix(", feedback")]
        yield Stack(name, q, d, FEEDBACK if name.endswith(", feedback") else None, expansion)


def table(whole: Part) -> list[dict[str, Any]]:
    """Every stack with an expansion on a whole collection, with intervals and tests against the centering."""
    names = ("center", "center, expansion", "center, expansion, feedback", "center, turn, expansion",
             "center, turn, expansion, feedback")  # fmt: skip
    base: cm.Evaluation | None = None
    lines = []
    for stack in stacks(whole, names):
        evaluation = evaluated(stack.name, whole.collection, stack.q, stack.d, stack.feedback)
        base = base or evaluation
        lines.append(line_of(stack.name, evaluation, base))
        if stack.expansion is not None:
            lines[-1]["record"] = stack.expansion.settings
    return lines


def half(whole: Part) -> list[dict[str, Any]]:
    """Every stack in indexes without one version of half of the documents: what is answered in one language alone.

    A quarter lacks the English version, a quarter all others; `one-sided` only hides a version that the expansion has
    seen.
    """
    names = ("center", "center, feedback", "center, expansion", "center, turn", "center, turn, feedback",
             "center, turn, expansion", "center, turn, expansion, feedback")  # fmt: skip
    draws: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    texts = whole.collection.documents
    groups, labels = np.array(texts.groups), np.array(texts.languages)
    for seed in range(SEEDS):
        order = np.random.default_rng(seed).permutation(np.unique(groups))
        quarter = len(order) // 4
        no_pivot, pivot_alone = np.isin(groups, order[:quarter]), np.isin(groups, order[quarter : 2 * quarter])
        gone = (no_pivot & (labels == PIVOT)) | (pivot_alone & (labels != PIVOT))
        part = part_of(*whole, np.flatnonzero(~gone))
        for stack in stacks(part, names):
            draws[stack.name].append(kinds(part, stack.q, stack.d, stack.feedback))
    lines = [{"remedy": name, **means(each)} for name, each in draws.items()]
    print(*lines, sep="\n", file=sys.stderr)
    return lines


PARTS: dict[str, Measurement] = {
    "grid": grid, "shares": shares, "others": others, "xquad": table, "belebele": table, "xquad-half": half,
    "belebele-half": half,
}  # fmt: skip


if __name__ == "__main__":
    measure_parts(__doc__, "expansion", PARTS)
