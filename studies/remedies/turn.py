"""What a turn and feedback do after centering: how many translations a turn needs, and how far both straighten.

    OMP_WAIT_POLICY=PASSIVE python -m studies.remedies.turn --work DIR [--parts NAME,...] [ENCODER...]

Uses the embeddings that `studies.remedies.correction` saves in DIR. Parts: `margin`, the choice of the margin;
`shares`, indexes with 100 to 0 % translated documents, small and uneven ones; `halves`, a turn on items that it was not
fitted on; `weights`, the choice of the weight of feedback; `xquad` and `belebele`, which were looked at last. All
others are on tico19. Results go to
studies/results/turn-ENCODER.json; `python -m studies.remedies.turn_page` draws docs/turn.md from them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

import clinometer as cm
from clinometer.correction import Center, Correction, MinedPairs, Turn
from clinometer.correction.feedback import WEIGHT
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import UsageError
from clinometer.mining import mine, turned
from clinometer.mining.pairs import MARGIN
from clinometer.statistics.resampling import Resamples
from clinometer.statistics.significance import permutation_test
from studies.centering import centered, corrected
from studies.command_line import parser
from studies.remedies.correction import by_question, loaded, target_values
from studies.remedies.turn_cases import PIVOT, Part, by_kind, change, part_of, translated
from studies.result_files import earlier_result, write_result
from studies.sources import EVALUATED

MARGINS = (1.1, 1.2, 1.3, 1.4)
WEIGHTS = (0.1, 0.2, 0.3, 0.4)
SHARES = (1.0, 0.5, 0.2, 0.1, 0.05, 0.0)
SIZES = ((240, 240), (50, 50), (400, 40), (60, 360))
SEEDS = 3
SHOWN = (
    ("Complete@10", "multi", "macro-target"),
    ("Complete@10", "multi", "macro-pivot"),
    ("nDCG@1", "multi", "macro-target"),
    ("nDCG@1", "mono-same", "macro-target"),
    ("nDCG@1", "one-sided", "macro-target"),
    ("Intrusion", "one-sided", "macro-target"),
)


def mined(center: Center, part: Part, margin: float) -> dict[str, MinedPairs]:
    texts = part.collection.documents
    return mine(part.d, texts.languages, center, groups=texts.groups, margin=margin)


def turn_of(center: Center, part: Part) -> Correction:
    """The turn by its own rule; the centering where no language has enough pairs."""
    texts = part.collection.documents
    try:
        return turned(center, part.d, texts.languages, groups=texts.groups)
    except UsageError:
        return center


def facts(pairs: dict[str, MinedPairs]) -> dict[str, float]:
    """Means over languages: pairs, those that chance explains, and the share of all that is right."""
    counts = np.array([len(each) for each in pairs.values()])
    right = sum(len(each) * (each.right or 0.0) for each in pairs.values())
    return {
        "pairs": float(counts.mean()),
        "chance": float(np.mean([each.chance for each in pairs.values()])),
        "right": right / counts.sum() if counts.sum() else float("nan"),
    }


def drawn_parts(whole: Part, pivot: int, other: int, share: float) -> Iterator[tuple[Part, Center]]:
    """For each seed the part with such documents (`turn_cases.translated`), and its centering."""
    for seed in range(SEEDS):
        part = part_of(*whole, translated(whole.collection, pivot, other, share, seed))
        yield part, centered(*part)


def margins(whole: Part) -> list[dict[str, Any]]:
    """The change by a turn whatever the number of pairs, by share and margin: what the margin was chosen on."""
    lines = []
    for share in (1.0, 0.5, 0.2, 0.0):
        draws: dict[float, list[dict[str, float]]] = {margin: [] for margin in MARGINS}
        for part, center in drawn_parts(whole, 240, 240, share):
            before = by_kind(part, *corrected(center, *part))
            for margin in MARGINS:
                pairs = mined(center, part, margin)
                turn = Turn.fit(center, {label: replace(each, chance=0.0) for label, each in pairs.items()}, least=1)
                draws[margin].append({**change(before, by_kind(part, *corrected(turn, *part))), **facts(pairs)})
        lines += [{"share": share, "margin": margin, **means(each)} for margin, each in draws.items()]
    return lines


def shares(whole: Part) -> list[dict[str, Any]]:
    """The change by the turn that the rule gives, by sizes and share."""
    lines = []
    for pivot, other in SIZES:
        for share in SHARES:
            draws = []
            for part, center in drawn_parts(whole, pivot, other, share):
                before = by_kind(part, *corrected(center, *part))
                turn = turn_of(center, part)
                languages = len(turn.turned) if isinstance(turn, Turn) else 0
                after = by_kind(part, *corrected(turn, *part)) if languages else before
                pairs = facts(mined(center, part, MARGIN))
                draws.append({**change(before, after), **pairs, "turned": languages, "before": before["both"]})
            lines.append({"pivot_documents": pivot, "other_documents": other, "share": share, **means(draws)})
    return lines


def halves(whole: Part) -> list[dict[str, Any]]:
    """Items that the turn was fitted on, and others, in one index of all."""
    groups, languages = (np.array(part) for part in (whole.collection.documents.groups, whole.collection.languages))
    center = centered(*whole)
    draws = []
    for seed in range(SEEDS):
        seen = set(np.random.default_rng(seed).permutation(np.unique(groups))[: len(np.unique(groups)) // 2].tolist())
        rows = np.flatnonzero(np.isin(groups, list(seen)))
        turn = turned(center, whole.d[rows], [whole.collection.documents.languages[row] for row in rows])
        values = []
        for correction in (center, turn):
            evaluation = cm.evaluate(
                whole.collection, PrecomputedEncoder(*corrected(correction, *whole)), scenarios=["multi"],
                measures=["Complete@10"], resamples=0,
            )  # fmt: skip
            table = evaluation.per_query
            group_of = dict(zip(whole.collection.queries.ids, whole.collection.queries.groups, strict=True))
            fitted = np.array([group_of[name] in seen for name in table["query_id"].tolist()])
            mine_only = table["query_language"] != PIVOT
            values.append([float(table["Complete@10"][mine_only & mask].mean()) for mask in (fitted, ~fitted)])
        draws.append({"fitted": values[1][0] - values[0][0], "other": values[1][1] - values[0][1]})
    return [{"languages": len(languages), **means(draws)}]


def weights(whole: Part) -> list[dict[str, Any]]:
    """Complete@10 by the weight of feedback, after centering."""
    center = centered(*whole)
    q, d = corrected(center, *whole)
    return [{"weight": weight, "both": by_kind(whole, q, d, feedback=weight)["both"]} for weight in WEIGHTS]


def means(draws: list[dict[str, float]]) -> dict[str, float]:
    """Means of each entry, without draws in which it is not defined."""
    columns = {name: np.array([draw[name] for draw in draws]) for name in draws[0]}
    return {name: None if np.isnan(column).all() else float(np.nanmean(column)) for name, column in columns.items()}  # type: ignore[misc]


def table(whole: Part) -> list[dict[str, Any]]:
    """Every remedy on a whole collection, with intervals and tests against the centering."""
    center = centered(*whole)
    turn = turn_of(center, whole)
    rows: dict[str, tuple[Correction | None, float | None]] = {
        "nothing": (None, None),
        "center": (center, None),
        "center, feedback": (center, WEIGHT),
        "center, turn": (turn, None),
        "center, turn, feedback": (turn, WEIGHT),
    }
    base: cm.Evaluation | None = None
    lines = []
    for name, (correction, weight) in rows.items():
        evaluation = evaluated(name, whole.collection, *corrected(correction, *whole), weight)
        base = evaluation if name == "center" else base
        lines.append(line_of(name, evaluation, base))
        if isinstance(correction, Turn):
            lines[-1]["record"] = correction.settings["turn"]
    return lines


def evaluated(name: str, collection: cm.Collection, q: Any, d: Any, feedback: float | None) -> cm.Evaluation:
    """What every remedy is measured by."""
    return cm.evaluate(
        collection, PrecomputedEncoder(q, d, name=name), scenarios=["multi", "mono-same", "one-sided"],
        measures=["Complete@10", "nDCG@1", "Intrusion"], resamples=1000, feedback=feedback,
    )  # fmt: skip


def line_of(name: str, evaluation: cm.Evaluation, base: cm.Evaluation | None) -> dict[str, Any]:
    """The line of a remedy, with tests against the centering, once that is measured."""
    line = {"remedy": name, **_values(evaluation), **_test(evaluation, base)}
    print(name, {key: line[key]["value"] for key in map(" ".join, SHOWN)}, file=sys.stderr)
    return line


def _values(evaluation: cm.Evaluation) -> dict[str, Any]:
    rows = {(row["measure"], row["scenario"], row["query_language"]): row for row in evaluation.rows}
    return {" ".join(key): {name: rows[key][name] for name in ("value", "ci_low", "ci_high")} for key in SHOWN}


def _test(evaluation: cm.Evaluation, base: cm.Evaluation | None) -> dict[str, Any]:
    if base is None or base is evaluation:
        return {}
    measures = ("Complete@10", "nDCG@1")
    sides = [np.stack([target_values(side, name) for name in measures]).T for side in (evaluation, base)]
    values = permutation_test(*sides, Resamples(2000), by_question(evaluation, "cluster")[0])
    return {"p_against_center": dict(zip(measures, (round(float(value), 5) for value in values), strict=True))}


Measurement = Callable[[Part], list[dict[str, Any]]]
"""Measures one part of a study on a whole collection."""

PARTS: dict[str, Measurement] = {
    "margin": margins, "shares": shares, "halves": halves, "weights": weights, "xquad": table, "belebele": table,
}  # fmt: skip


def measure_parts(doc: str | None, study: str, parts: Mapping[str, Measurement]) -> None:
    """The command line of a study in parts, each of which goes into results/STUDY-ENCODER.json.

    The name of a part begins with that of its collection, if that is not tico19.
    """
    command = parser(doc, "folder of embeddings", encoders=True)
    command.add_argument("--parts", default=",".join(parts), help=f"any of {', '.join(parts)}")
    options = command.parse_args()
    for name in options.encoders:
        for part in options.parts.split(","):
            source = part.partition("-")[0]
            collection = source if source in EVALUATED else "tico19"
            lines = parts[part](Part(*loaded(name, collection, options.work)))
            # Parts may run side by side, so the file is read last.
            result = earlier_result(f"{study}-{name}", {"encoder": name})
            write_result(f"{study}-{name}", {**result, part: lines})
            print(f"{name}: {part}", file=sys.stderr)


if __name__ == "__main__":
    measure_parts(__doc__, "turn", PARTS)
