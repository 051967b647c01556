"""Which part of the order before a correction to keep within the query's own language: tried on TICO-19.

    OMP_WAIT_POLICY=PASSIVE python -m studies.remedies.own_first --work DIR

The first place alone (`evaluate --own-first`), or the whole order: the own documents' scores after the correction,
handed out in the order before it. Both leave nDCG@1 within a language as it was; the choice is by Complete@10. Uses the
embeddings that `studies.remedies.correction` saves in DIR. Results go to studies/results/own-first.json, which
`python -m studies.remedies.page` draws.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

import clinometer as cm
from clinometer.correction.expansion import WEIGHT as EXPANSION
from clinometer.encoders import PrecomputedEncoder
from clinometer.mining import expanded
from clinometer.scorers import MatrixScorer
from studies.command_line import parser
from studies.recipe.closed_form import change
from studies.remedies.correction import loaded
from studies.remedies.stacks import State, center, turn
from studies.result_files import write_result
from studies.sources import ENCODERS
from studies.vectors import unit

OPTIONS: dict[str, Any] = {
    "scenarios": ["multi", "mono-same", "one-sided"], "measures": ["Complete@10", "nDCG@1", "Intrusion"],
    "resamples": 0,
}  # fmt: skip
STACKS = {"center": (center, 0.0), "center, turn": (turn, 0.0), "center, turn, expansion": (turn, EXPANSION)}


def in_the_order_before(scores: Any, before: Any, collection: cm.Collection) -> Any:
    """The scores, those of documents in each query's language handed out in the order of the scores before."""
    scores, languages = scores.copy(), np.array(collection.documents.languages)
    for label in collection.languages:
        rows = np.flatnonzero(np.array(collection.queries.languages) == label)
        own = np.flatnonzero(languages == label)
        cells = np.ix_(rows, own)
        order = np.argsort(-before[cells], axis=1, kind="stable")
        values = -np.sort(-scores[cells], axis=1)
        part = np.empty_like(values)
        np.put_along_axis(part, order, values, axis=1)
        scores[cells] = part
    return scores


def lines_of(state: State) -> list[dict[str, Any]]:
    collection, untreated = state.collection, PrecomputedEncoder(state.q, state.d, name="nothing")
    base = cm.evaluate(collection, untreated, **OPTIONS)
    before = unit(state.q) @ unit(state.d).T
    lines = []
    for stack, (step, weight) in STACKS.items():
        after = state.after(step(state))
        q, d = after.q, after.d
        if weight:
            d = expanded(d, collection.documents.languages, weight=weight).apply(d)
        encoder = PrecomputedEncoder(q, d, name=stack)
        whole = MatrixScorer(in_the_order_before(unit(q) @ unit(d).T, before, collection))
        for kept, evaluation in (
            ("nothing", cm.evaluate(collection, encoder, **OPTIONS)),
            ("first place", cm.evaluate(collection, encoder, own_first=untreated, **OPTIONS)),
            ("whole order", cm.evaluate(collection, whole, **OPTIONS)),
        ):
            changes = [change(evaluation, base, label)["change"] for label in collection.languages]
            lines.append({
                "encoder": state.encoder, "stack": stack, "kept": kept,
                "Complete@10": evaluation.value("Complete@10", "multi", "macro-target"),
                "one-sided": evaluation.value("nDCG@1", "one-sided", "macro-target"),
                "Intrusion": evaluation.value("Intrusion", "one-sided", "macro-target"),
                "mono-same": float(np.mean(changes)),
            })  # fmt: skip
            print(lines[-1], file=sys.stderr)
    return lines


def main() -> None:
    options = parser(__doc__, "folder of embeddings").parse_args()
    states = [State(*loaded(encoder, "tico19", options.work), encoder, options.work) for encoder in reversed(ENCODERS)]
    write_result("own-first", [line for state in states for line in lines_of(state)])


if __name__ == "__main__":
    main()
