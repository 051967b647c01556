"""Parts of TICO-19 with a chosen share of translated documents, and what remedies do to questions of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

import clinometer as cm
from clinometer.encoders import PrecomputedEncoder

PIVOT = "en"
KINDS = {
    "both": ("both", "Complete@10", 1),
    "own": ("own", "nDCG@1", 100),
    "pivot": ("pivot", "nDCG@1", 100),
}
"""Questions by the languages that have their answer: the question's and English, or one alone; measure, and factor."""

ALL_KINDS = {
    **KINDS,
    "both first": ("both", "nDCG@1", 100),
    "own intruded": ("own", "Intrusion", 100),
    "pivot intruded": ("pivot", "Intrusion(by=own)", 100),
}
"""The same, with the first place of those that both languages answer, and unrelated documents of the other language
above an answer in one alone."""


class Part(NamedTuple):
    """Some documents of a collection with all questions that these answer, and their embeddings."""

    collection: cm.Collection
    q: Any
    d: Any


def part_of(collection: cm.Collection, q: Any, d: Any, rows: Any) -> Part:
    """The part with these documents."""
    query_of = np.repeat(np.arange(len(collection.queries)), np.diff(collection.indptr))
    answered = np.unique(query_of[np.isin(collection.judged, rows)])
    return Part(collection.only(rows, answered), q[answered], d[rows])


def translated(collection: cm.Collection, pivot: int, other: int, share: float, seed: int) -> Any:
    """Rows of `pivot` English documents and `other` ones of every other language, a share of them translations.

    The share is of the smaller of the two numbers.
    """
    draw = np.random.default_rng(seed)
    groups, languages = np.array(collection.documents.groups), np.array(collection.documents.languages)
    order = draw.permutation(np.unique(groups))
    in_pivot, rest = order[:pivot], order[pivot:]
    shared = round(share * min(pivot, other))
    rows = [np.flatnonzero((languages == PIVOT) & np.isin(groups, in_pivot))]
    for label in collection.languages:
        if label != PIVOT:
            chosen = np.concatenate([draw.permutation(in_pivot)[:shared], draw.permutation(rest)[: other - shared]])
            rows.append(np.flatnonzero((languages == label) & np.isin(groups, chosen)))
    return np.sort(np.concatenate(rows))


def by_kind(
    part: Part, q: Any, d: Any, feedback: float | None = None, kinds: Mapping[str, tuple[str, str, int]] = KINDS
) -> dict[str, float]:
    """Means over target-language questions in `multi` by kind; NaN for a kind that has none."""
    collection, languages = part.collection, part.collection.documents.languages
    evaluation = cm.evaluate(
        collection, PrecomputedEncoder(q, d, name="part"), scenarios=["multi"],
        measures=list(dict.fromkeys(measure for _, measure, _ in kinds.values())), resamples=0, feedback=feedback,
    )  # fmt: skip
    table = evaluation.per_query
    indptr, documents = collection.relevant()
    answered = {
        query: {languages[document] for document in documents[start:stop].tolist()}
        for query, start, stop in zip(collection.queries.ids, indptr[:-1].tolist(), indptr[1:].tolist(), strict=True)
    }
    mine = table["query_language"] != PIVOT
    pairs = list(zip(table["query_id"][mine].tolist(), table["query_language"][mine].tolist(), strict=True))
    in_own = np.array([label in answered[name] for name, label in pairs])
    in_pivot = np.array([PIVOT in answered[name] for name, _ in pairs])
    masks = {"both": in_own & in_pivot, "own": in_own & ~in_pivot, "pivot": in_pivot & ~in_own}
    return {
        name: float(factor * np.mean(table[measure][mine][masks[kind]])) if masks[kind].any() else float("nan")
        for name, (kind, measure, factor) in kinds.items()
    }


def change(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Differences by kind."""
    return {kind: after[kind] - before[kind] for kind in before}
