"""What `clinometer correct --method auto` takes, with few judged queries, many or none, and what that does.

    python -m studies.remedies.advice --work DIR [--collections NAME,...] [--judged N,...] [ENCODER...]

Three draws each of no judged queries, 100 and 300, on TICO-19, on which the advice was developed, and on XQuAD and
Belebele, on which nothing was chosen. The advice sees the documents and the drawn queries alone (20 are too few, and do
the same as none: then 100 documents of each language are cut in two). Its choice is then measured on all questions of
which it saw no version. Embeddings are those that `studies.remedies.correction` saves in DIR; heads and tails of
documents, which stand in where judgements are few, are added (those of multilingual-e5-small with matrix products in
bfloat16). Results go to studies/results/advice.json; `python -m studies.remedies.page` draws them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

import clinometer as cm
from clinometer.advice import Advice, advise
from clinometer.advice.evidence import FEWEST_QUERIES
from clinometer.advice.heads import headed
from clinometer.collection import Texts
from clinometer.correction import choose
from clinometer.encoders import EncoderRecord, PrecomputedEncoder
from clinometer.encoders.base import Side
from studies.centering import corrected
from studies.command_line import parser
from studies.recipe.closed_form import change
from studies.remedies.correction import embedded, loaded
from studies.remedies.stacks import State
from studies.result_files import earlier_result, write_result
from studies.sources import ENCODERS, EVALUATED

COLLECTIONS = ("tico19", *EVALUATED)
QUERIES = (0, 100, 300)
TEXTS = 100
"""Documents of each language that are cut in two."""
SEEDS = 3
PRECISIONS = {"multilingual-e5-small": "bfloat16"}


class Remembered:
    """An encoder that looks texts up; `known` has the rows of each side by text."""

    def __init__(self, name: str, known: Mapping[Side, Mapping[str, Any]]) -> None:
        self.record = EncoderRecord(name=name, kind="precomputed")
        self._known = known

    def encode_queries(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> Any:  # noqa: ARG002
        return np.stack([self._known["queries"][text] for text in texts])

    def encode_documents(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> Any:  # noqa: ARG002
        return np.stack([self._known["documents"][text] for text in texts])


@cache
def encoder_of_parts(name: str) -> Any:
    """What encodes heads and tails."""
    return cm.encoder(ENCODERS[name], precision=PRECISIONS.get(name))


def cut_rows(collection: cm.Collection) -> Any:
    """Rows of the documents that the advice cuts in two in any draw."""
    languages = collection.documents.languages
    return np.unique(np.concatenate([choose(languages, TEXTS, seed) for seed in range(SEEDS)]))


def remembered(state: State, *, with_heads: bool) -> Remembered:
    """The encoder with all texts that the advice may encode: queries, documents, and perhaps heads and tails."""
    sides: dict[Side, tuple[Texts, Any]] = {
        "queries": (state.collection.queries, state.q),
        "documents": (state.collection.documents, state.d),
    }
    cut = None
    if with_heads:
        cut = headed(state.collection.name, state.collection.documents.take(cut_rows(state.collection)))
    known: dict[Side, dict[str, Any]] = {}
    for side, (texts, rows) in sides.items():
        known[side] = dict(zip(texts.texts, rows, strict=True))
        if cut is not None:
            parts = cut.queries if side == "queries" else cut.documents
            vectors = embedded(state.encoder, state.work, side, parts, encoder_of_parts)
            known[side] |= dict(zip(parts.texts, vectors, strict=True))
    return Remembered(state.encoder, known)


def drawn(collection: cm.Collection, count: int, seed: int) -> tuple[Any, Any]:
    """Rows of the judged queries that the advice sees, and of all queries about other questions."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(collection.queries))[:count])
    names = zip(collection.queries.groups, collection.queries.ids, strict=True)
    groups = np.array([group or name for group, name in names])
    return rows, np.flatnonzero(~np.isin(groups, groups[rows]))


def effect(advice: Advice, state: State, rows: Any) -> dict[str, Any]:
    """Changes by the correction on these queries: Complete@10 in `multi`, and nDCG@1 in `mono-same`, both in points."""
    everything = np.arange(len(state.collection.documents))
    collection = state.collection.only(everything, rows)
    q, d = state.q[rows], state.d
    before, after = (
        cm.evaluate(
            collection, PrecomputedEncoder(*vectors, name="advice"), scenarios=["multi", "mono-same"],
            measures=["Complete@10", "nDCG@1"], resamples=0,
        )
        for vectors in ((q, d), corrected(advice.correction, collection, q, d))
    )  # fmt: skip
    own = {label: change(after, before, label) for label in collection.languages}
    worst = min(own, key=lambda label: own[label]["change"])
    return {
        "queries": len(rows),
        "Complete@10": after.value("Complete@10", "multi", "macro-target")
        - before.value("Complete@10", "multi", "macro-target"),
        "nDCG@1": 100 * float(np.mean([one["change"] for one in own.values()])),
        "worst": [worst, 100 * own[worst]["change"], 100 * own[worst]["error"]],
    }


def measured(state: State, encoder: Any, count: int, seed: int) -> dict[str, Any]:
    """One draw: what the advice takes and why, and its effect on the other questions."""
    seen, others = drawn(state.collection, count, seed)
    everything = np.arange(len(state.collection.documents))
    sample = {} if count >= FEWEST_QUERIES else {"texts": TEXTS}
    advice = advise(state.collection.only(everything, seen), encoder, seed=seed, **sample)
    return {
        "encoder": state.encoder,
        "collection": state.collection.name,
        "judged": count,
        "seed": seed,
        "kind": advice.evidence["kind"],
        "remedy": advice.remedy,
        "verdicts": {row["remedy"]: row["verdict"] for row in advice.candidates},
        "reasons": advice.reasons,
        "held_out": advice.held_out,
        "effect": effect(advice, state, others),
    }


def key_of(line: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Place of a line in the results."""
    return (
        -[*ENCODERS].index(line["encoder"]), COLLECTIONS.index(line["source"]), line["judged"], line["seed"]
    )  # fmt: skip


def main() -> None:
    command = parser(__doc__, "folder of embeddings", encoders=True)
    command.add_argument("--collections", default=",".join(COLLECTIONS), help=f"any of {', '.join(COLLECTIONS)}")
    command.add_argument("--judged", default=",".join(map(str, QUERIES)), help="numbers of judged queries")
    options = command.parse_args()
    judged = [int(count) for count in options.judged.split(",")]
    for encoder in options.encoders:
        for name in options.collections.split(","):
            collection, q, d = loaded(encoder, name, options.work)
            state = State(collection, q, d, encoder, options.work)
            encoding = remembered(state, with_heads=0 in judged)
            lines = []
            for count in judged:
                for seed in range(SEEDS):
                    line = {"source": name, **measured(state, encoding, count, seed)}
                    lines.append(line)
                    print(encoder, name, count, seed, line["kind"], line["remedy"], line["effect"], file=sys.stderr)
            # Encoders may run side by side, so the file is read last.
            others = earlier_result("advice", [])
            keys = {key_of(line) for line in lines}
            write_result("advice", sorted([one for one in others if key_of(one) not in keys] + lines, key=key_of))


if __name__ == "__main__":
    main()
