"""What the study of correction compares: methods, the samples that they are fitted on, and the cases of its tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import clinometer as cm
from clinometer.collection import Texts
from clinometer.correction import Center, Correction, QueryShift, choose, fit
from studies.sources import training_files

LANGUAGES = ["ar", "de", "el", "en", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh"]
TEXTS_PER_LANGUAGE = 240


class Vectors(NamedTuple):
    """Texts and their embeddings, row for row."""

    queries: Texts
    documents: Texts
    q: Any
    d: Any

    def few(self, texts: int | None, seed: int = 0) -> Vectors:
        """At most `texts` documents and `texts` queries of each language, drawn independently."""
        queries, documents = (choose(side.languages, texts, seed) for side in (self.queries, self.documents))
        return Vectors(self.queries.take(queries), self.documents.take(documents), self.q[queries], self.d[documents])


def joined(first: Vectors, second: Vectors) -> Vectors:
    texts = [
        Texts(one.ids + two.ids, one.texts + two.texts, one.languages + two.languages, one.groups + two.groups)
        for one, two in ((first.queries, second.queries), (first.documents, second.documents))
    ]
    return Vectors(texts[0], texts[1], np.concatenate([first.q, second.q]), np.concatenate([first.d, second.d]))


def train_texts() -> tuple[Texts, Texts]:
    """At most 240 items of each language, all in one random order of items, and the English of every item taken."""
    collection = cm.load(f"parallel:{','.join(map(str, training_files()))}", languages=LANGUAGES)
    groups = sorted({group or "" for group in collection.queries.groups})
    order = np.random.default_rng(0).permutation(len(groups))
    rank = {groups[item]: place for place, item in enumerate(order)}
    pairs = list(zip(collection.queries.groups, collection.queries.languages, strict=True))
    taken = {
        label: set(
            sorted({g for g, other in pairs if other == label}, key=lambda g: rank[g or ""])[:TEXTS_PER_LANGUAGE]
        )
        for label in LANGUAGES
        if label != "en"
    }
    taken["en"] = set().union(*taken.values())

    def take(texts: Texts) -> Texts:
        each = enumerate(zip(texts.groups, texts.languages, strict=True))
        return texts.take([row for row, (group, label) in each if group in taken[label]])

    return take(collection.queries), take(collection.documents)


def center(sample: Vectors, **options: Any) -> Center:
    return Center.fit(sample.d, sample.documents.languages, sample.q, sample.queries.languages, **options)


def plain(sample: Vectors, strength: float = 1.0) -> Center:
    return center(sample, strength=strength, shrinkage=0.0, directions=0)


def as_published(sample: Vectors, strength: float = 1.0) -> QueryShift:
    """SHIFT as its authors run it, with a moved copy of each document for every language of queries."""
    return QueryShift.fit(sample.d, sample.documents.languages, sample.documents.groups, strength=strength)


def named(method: str, **options: Any) -> Callable[[Vectors], Correction]:
    def make(sample: Vectors) -> Correction:
        groups: dict[str, Any] = {"groups": sample.documents.groups, "query_groups": sample.queries.groups}
        return fit(
            method,
            sample.d,
            sample.documents.languages,
            sample.q,
            sample.queries.languages,
            **(groups if method == "shift" else {}),
            **options,
        )

    return make


def center_alone(sample: Vectors) -> Center:
    return Center.fit(sample.d, sample.documents.languages)


CENTERS: dict[str, Callable[[Vectors], Correction]] = {
    "center, plain": plain,
    "center, queries at 1": partial(center, strength=1.0),
    "center": center,
}
UNLABELLED: dict[str, Callable[[Vectors], Correction]] = {
    "center, plain": plain,
    "center, plain, 0.8": lambda sample: plain(sample, 0.8),
    "center, queries at 1": partial(center, strength=1.0),
    "center": center,
    "LIR, 1 component": named("lir", components=1),
    "LIR, 2 components": named("lir", components=2),
    "calibration": named("calibrate"),
    "calibration with scale": named("calibrate", scale=True),
}
PARALLEL: dict[str, Callable[[Vectors], Correction]] = {
    "SHIFT, documents only": named("shift", correct_queries=False),
    "SHIFT, both sides": named("shift"),
    "SHIFT, centred": named("shift", centre=True),
    "SHIFT, centred, directions": named("shift", centre=True, directions="auto"),
    "SHIFT as its authors run it": as_published,
    "SHIFT as its authors run it, 0.6": partial(as_published, strength=0.6),
}


def mislabelled(labels: Sequence[str], share: float, seed: int) -> list[str]:
    """The labels, a share of them replaced by another language, at random."""
    draw = np.random.default_rng(seed)
    others = sorted(set(labels))
    wrong = draw.random(len(labels)) < share
    return [
        str(draw.choice([other for other in others if other != label])) if hit else label
        for label, hit in zip(labels, wrong, strict=True)
    ]


class Case(NamedTuple):
    """One line of a table: how to fit, and on what; without a sample there is no correction."""

    table: str
    name: str
    how: Callable[[Vectors], Correction] = plain
    sample: Vectors | None = None
    pool: str = "xquad"
    query_languages: bool = True
    wrong: float = 0.0
    adapted: bool = False


def cases(xquad: Vectors, train: Vectors, tico: Vectors, skewed: Vectors) -> Iterator[Case]:
    outside = joined(train, tico)
    yield Case("methods", "none")
    for what, sample in (("train", train), ("train + tico19", outside)):
        for name, how in {**UNLABELLED, **PARALLEL}.items():
            yield Case("methods", f"{name} · {what}", how, sample)
    yield Case("methods", "adapter · 2,800 translated samples of train", adapted=True)
    index = outside._replace(documents=xquad.documents, d=xquad.d)
    yield Case("methods", "center · index, queries of train + tico19", center, index)
    yield Case("methods", "center · index alone, no sample of queries", center_alone, xquad)
    for texts in (60, 240):
        few, what = xquad.few(texts), f"unlabelled sample, {texts} texts"
        for name, how in UNLABELLED.items():
            yield Case("methods", f"{name} · {what}", how, few)
        yield Case("methods", f"center · {what}, query languages unknown", center, few, query_languages=False)
        yield Case("methods", f"adapter, then center · {what}", center, few, adapted=True)
    for name, how in CENTERS.items():
        for texts in (10, 30, 60, 240):
            for seed in range(3):
                yield Case("robustness", f"{name} · {texts} texts, seed {seed}", how, xquad.few(texts, seed))
        for share in (0.1, 0.3):
            what = f"240 texts, {share:.0%} of all labels wrong"
            yield Case("robustness", f"{name} · {what}", how, wrongly(xquad, share).few(240), wrong=share)
        yield Case("robustness", f"{name} · 20 texts, other articles in each language", how, by_articles(xquad))
    what = "pool of 240 en and 25 of each other language"
    yield Case("robustness", f"none · {what}", pool="skewed")
    for name, how in CENTERS.items():
        yield Case("robustness", f"{name} · {what}, fitted on it", how, skewed, "skewed")


def belebele_cases(belebele: Vectors) -> Iterator[Case]:
    yield Case("belebele", "none", pool="belebele")
    yield Case("belebele", "adapter · 2,800 translated samples of train", pool="belebele", adapted=True)
    few = belebele.few(60)
    yield Case("belebele", "adapter, then center · unlabelled sample, 60 texts", center, few, "belebele", adapted=True)
    for name, how in UNLABELLED.items():
        yield Case("belebele", f"{name} · unlabelled sample, 60 texts", how, belebele.few(60), "belebele")
    yield Case("belebele", "center · index alone, no sample of queries", center_alone, belebele, "belebele")


def wrongly(vectors: Vectors, share: float) -> Vectors:
    """The same texts with wrong labels, with which the correction is applied too."""
    queries, documents = vectors.queries, vectors.documents
    return vectors._replace(
        queries=replace(queries, languages=tuple(mislabelled(queries.languages, share, 1))),
        documents=replace(documents, languages=tuple(mislabelled(documents.languages, share, 2))),
    )


def by_articles(vectors: Vectors) -> Vectors:
    """For each language the texts of four articles that no other language has."""

    def rows(texts: Texts, article: Callable[[int], int]) -> list[int]:
        return [row for row in range(len(texts)) if article(row) // 4 == LANGUAGES.index(texts.languages[row])]

    of_document = [int(name.split(":")[1].split("-")[0]) for name in vectors.documents.ids]
    documents = rows(vectors.documents, of_document.__getitem__)
    draw = choose(vectors.queries.languages, 20, seed=3)
    return Vectors(vectors.queries.take(draw), vectors.documents.take(documents), vectors.q[draw], vectors.d[documents])


def skewed_pool(collection: cm.Collection, vectors: Vectors) -> tuple[cm.Collection, Vectors]:
    """All English documents, and of every other language those of five articles, with the queries about these."""
    articles = [int(name.split(":")[1].split("-")[0]) for name in collection.documents.ids]
    rows = [
        row
        for row, label in enumerate(collection.documents.languages)
        if label == "en" or articles[row] in (0, 9, 18, 27, 36)
    ]
    builder = cm.CollectionBuilder("xquad, skewed")
    texts = collection.documents
    for row in rows:
        builder.add_document(texts.ids[row], texts.texts[row], texts.languages[row], texts.groups[row])
    inside, queries = set(rows), collection.queries
    query_rows = []
    for row in range(len(queries)):
        answers = collection.judged[collection.indptr[row] : collection.indptr[row + 1]]
        if all(int(answer) in inside for answer in answers):
            query_rows.append(row)
            builder.add_query(queries.ids[row], queries.texts[row], queries.languages[row], queries.groups[row])
            for answer in answers:
                builder.judge(queries.ids[row], texts.ids[answer])
    return builder.build(), Vectors(queries.take(query_rows), texts.take(rows), vectors.q[query_rows], vectors.d[rows])
