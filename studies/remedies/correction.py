"""What correction without training does: encode once, fit each method, evaluate on XQuAD, write tables.

    python studies/correction.py --embeddings DIR [ENCODER...]

Embeddings are kept in DIR and reused. Results go to studies/results/correction-ENCODER.json and, as tables, to
docs/correction.md. Corrections are fitted on `train` and `tico19`, never on what is evaluated, except where a
line says so: "unlabelled sample" is fitted on some of the evaluated texts, without translations and judgements, and
"index" on the documents of the pool. The query strength of
`center` is what a rule gives on tico19, but the rule was set, and `directions` were thought of, after first results on
XQuAD had been seen: its lines there are no blind test.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from correction_tables import write_tables

import clinometer as cm
from clinometer.adapters import Adapter, fit_adapter
from clinometer.adapters import load as load_adapter
from clinometer.collection import Texts
from clinometer.correction import Center, Correction, choose, fit
from clinometer.encoders import PrecomputedEncoder
from clinometer.statistics.significance import permutation_test
from clinometer.training.data import read_items, samples_from_items

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
RESULTS = ROOT / "studies" / "results"
ENCODERS = {"offline": "offline", "multilingual-e5-small": str(ROOT / "models" / "multilingual-e5-small")}
LANGUAGES = ["ar", "de", "el", "en", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh"]
DEVELOPMENT = ["ar", "en", "es", "hi", "ru", "zh"]
MEASURES = ["Complete@10", "nDCG@1", "MaxR", "MaxRnorm", "RankGap", "Intrusion", "LPR"]
SCENARIOS = ["multi", "mono-same", "mono-cross", "one-sided"]
DEVELOPMENT_MEASURES = ("Complete@10", "nDCG@1", "MaxRnorm")
SHOWN = (
    ("Complete@10", "multi", "macro-target"),
    ("nDCG@1", "multi", "macro-target"),
    ("MaxRnorm", "multi", "macro-target"),
    ("Complete@10", "multi", "macro-pivot"),
    ("RankGap", "multi", "macro-target"),
    ("Intrusion", "one-sided", "macro-target"),
    ("nDCG@1", "mono-same", "macro-target"),
    ("nDCG@1", "mono-cross", "macro-target"),
    ("LPR", "multi", "macro-target"),
)
TRAINED = ["de", "es", "ru", "zh", "ko", "el", "tr"]
TEXTS_PER_LANGUAGE = 240


class Vectors(NamedTuple):
    """Texts and their embeddings, row for row."""

    queries: Texts
    documents: Texts
    q: Any
    d: Any

    def few(self, texts: int | None, seed: int = 0) -> Vectors:
        """At most so many of each language, drawn from documents and from queries on their own."""
        asked, found = choose(self.queries.languages, texts, seed), choose(self.documents.languages, texts, seed)
        return Vectors(self.queries.take(asked), self.documents.take(found), self.q[asked], self.d[found])


def joined(first: Vectors, second: Vectors) -> Vectors:
    texts = [
        Texts(*(a + b for a, b in zip(vars(one).values(), vars(two).values(), strict=True)))
        for one, two in ((first.queries, second.queries), (first.documents, second.documents))
    ]
    return Vectors(texts[0], texts[1], np.concatenate([first.q, second.q]), np.concatenate([first.d, second.d]))


def train_texts() -> tuple[Texts, Texts]:
    """At most 240 items of each language, all in one random order of items, and the English of every item taken."""
    files = ",".join(str(path) for path in sorted((DATA / "train").glob("*.jsonl.gz")))
    collection = cm.load(f"parallel:{files}", languages=LANGUAGES)
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


class Embeddings:
    """Embeddings by encoder and text, kept on disk under a digest of the texts."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._encoder: cm.encoders.Encoder | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def of(self, stage: str, texts: Texts) -> Any:
        digest = hashlib.sha256("\0".join(texts.texts).encode()).hexdigest()[:16]
        path = self._folder / f"{self._name}-{stage}-{digest}.npy"
        if not path.exists():
            self._encoder = self._encoder or cm.encoder(ENCODERS[self._name])
            print(f"{self._name}: encoding {len(texts)} {stage}", file=sys.stderr)
            encode = self._encoder.encode_queries if stage == "queries" else self._encoder.encode_documents
            rows = encode(list(texts.texts), show_progress_bar=True)
            np.save(path.with_suffix(".tmp.npy"), rows)
            path.with_suffix(".tmp.npy").rename(path)
        return np.load(path)

    def vectors(self, queries: Texts, documents: Texts) -> Vectors:
        return Vectors(queries, documents, self.of("queries", queries), self.of("documents", documents))


def center(sample: Vectors, **options: Any) -> Center:
    return Center.fit(sample.d, sample.documents.languages, sample.q, sample.queries.languages, **options)


def plain(sample: Vectors, strength: float = 1.0) -> Center:
    return center(sample, strength=strength, shrinkage=0.0, directions=0)


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
PARALLEL = {
    "SHIFT, documents only": named("shift", correct_queries=False),
    "SHIFT, both sides": named("shift"),
    "SHIFT, centred": named("shift", centre=True),
    "SHIFT, centred, directions": named("shift", centre=True, directions="auto"),
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
    """One line of a table: how to fit, and on what; no sample, no correction."""

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
    """The same texts with wrong labels; the ones that `evaluate` applies the correction with."""
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
    kept = [
        row
        for row, label in enumerate(collection.documents.languages)
        if label == "en" or articles[row] in (0, 9, 18, 27, 36)
    ]
    builder = cm.CollectionBuilder("xquad, skewed")
    texts = collection.documents
    for row in kept:
        builder.add_document(texts.ids[row], texts.texts[row], texts.languages[row], texts.groups[row])
    inside, queries = set(kept), collection.queries
    asked = []
    for row in range(len(queries)):
        answers = collection.judged[collection.indptr[row] : collection.indptr[row + 1]]
        if all(int(answer) in inside for answer in answers):
            asked.append(row)
            builder.add_query(queries.ids[row], queries.texts[row], queries.languages[row], queries.groups[row])
            for answer in answers:
                builder.judge(queries.ids[row], texts.ids[answer])
    return builder.build(), Vectors(queries.take(asked), texts.take(kept), vectors.q[asked], vectors.d[kept])


def evaluated(
    case: Case, collection: cm.Collection, vectors: Vectors, scenarios: Sequence[str], adapter: Adapter | None = None
) -> cm.Evaluation:
    if case.adapted and adapter is not None:
        vectors = adapted(vectors, adapter)
        case = case._replace(sample=case.sample and adapted(case.sample, adapter))
    q, d = vectors.q, vectors.d
    if case.sample is not None:
        correction = case.how(case.sample)
        labelled = wrongly(vectors, case.wrong) if case.wrong else vectors
        q = correction.apply_queries(q, labelled.queries.languages if case.query_languages else None)
        d = correction.apply(d, labelled.documents.languages)
    return cm.evaluate(
        collection, PrecomputedEncoder(q, d, name=case.name), scenarios=scenarios, measures=MEASURES, resamples=1000
    )


def adapted(vectors: Vectors, adapter: Adapter) -> Vectors:
    return vectors._replace(q=adapter.apply_queries(vectors.q), d=adapter.apply(vectors.d))


def trained_adapter(name: str, folder: Path) -> Adapter:
    """An adapter from 400 samples of each of seven languages, stopped by 120 held-out ones; all else by default."""
    path = folder / f"{name}-adapter.safetensors"
    if not path.exists():
        items = read_items(sorted((DATA / "train").glob("*.jsonl.gz")))
        learnt, held_out = (
            samples_from_items(items, TRAINED, count, 42, split, 0.1, layout="alignment+query")
            for split, count in (("train", 400), ("dev", 120))
        )
        found, _ = fit_adapter(learnt, cm.encoder(ENCODERS[name]), dev=held_out, show_progress_bar=True)
        found.save(path)
    return load_adapter(path)


def target_values(evaluation: cm.Evaluation, measure: str) -> Any:
    """The mean over target languages for each question: translations of one question are not independent."""
    table = evaluation.per_query
    mine = (table["scenario"] == "multi") & (table["query_language"] != "en")
    languages = len(set(table["query_language"][mine]))
    return table[measure][mine].reshape(languages, -1).mean(axis=0)


def line_of(case: Case, evaluation: cm.Evaluation, base: cm.Evaluation) -> dict[str, Any]:
    rows = {(row["measure"], row["scenario"], row["query_language"]): row for row in evaluation.rows}
    tested = ("Complete@10", "nDCG@1")
    differences = np.stack([[target_values(side, measure) for measure in tested] for side in (evaluation, base)])
    p_values = (
        permutation_test(differences[0].T, differences[1].T, resamples=2000)
        if case.name.split(" · ")[0] != "none"
        else [1, 1]
    )
    return {
        "table": case.table,
        "name": case.name,
        "pool": case.pool,
        "means": [
            {"measure": measure, "scenario": scenario, "queries": who, **_interval(rows.get((measure, scenario, who)))}
            for measure, scenario, who in SHOWN
        ],
        "p_against_none": dict(zip(tested, (round(float(p), 5) for p in p_values), strict=True)),
        "languages": {
            label: {
                f"{measure} {scenario}": evaluation.value(measure, scenario, label)
                for measure, scenario in (("Complete@10", "multi"), ("nDCG@1", "multi"), ("nDCG@1", "mono-same"))
                if (measure, scenario, label) in rows and (label != "en" or scenario != "multi")
            }
            for label in evaluation.collection["languages"]
        },
    }


def _interval(row: dict[str, Any] | None) -> dict[str, Any]:
    return {key: row[key] if row else None for key in ("value", "ci_low", "ci_high")}


def development(collection: cm.Collection, vectors: Vectors) -> list[dict[str, Any]]:
    """Strengths on tico19, means of 60 and of 240 texts a language of it, two draws of each."""
    found = []
    samples = [vectors.few(texts, seed) for texts in (60, 240) for seed in range(2)]
    asked = [(1.0, number / 10) for number in range(3, 12)]
    both = [(number / 10, number / 10) for number in range(5, 12)]
    for directions, strength, query_strength in [("auto", *pair) for pair in asked + both] + [
        (0, *pair) for pair in both
    ]:
        how = partial(center, directions=directions, strength=strength, query_strength=query_strength)
        results = [evaluated(Case("", "", how, few), collection, vectors, ["multi"]) for few in samples]
        row: dict[str, Any] = {"directions": directions, "strength": strength, "query_strength": query_strength}
        for measure in DEVELOPMENT_MEASURES:
            values = np.mean([target_values(result, measure) for result in results], axis=0)
            row[measure] = float(np.mean([result.value(measure, "multi", "macro-target") for result in results]))
            row[f"{measure} error"] = float(values.std(ddof=1) / np.sqrt(len(values)) * row[measure] / values.mean())
        found.append(row)
    return found


def measured(name: str, folder: Path, with_belebele: bool) -> dict[str, Any]:
    embeddings = Embeddings(folder, name)
    collection = cm.load(f"xquad:{DATA / 'xquad'}")
    heldout = cm.load(f"parallel:{DATA / 'tico19' / 'tico19_retrieval.jsonl.gz'}", languages=DEVELOPMENT)
    tico = embeddings.vectors(heldout.queries, heldout.documents)
    train = embeddings.vectors(*train_texts())
    xquad = embeddings.vectors(collection.queries, collection.documents)
    small, skewed = skewed_pool(collection, xquad)
    pools = {"xquad": (collection, xquad), "skewed": (small, skewed)}
    if with_belebele:
        other = cm.load(f"belebele:{DATA / 'belebele'}")
        pools["belebele"] = (other, embeddings.vectors(other.queries, other.documents))
    adapter = trained_adapter(name, folder)
    bases: dict[str, cm.Evaluation] = {}
    lines = []
    every = cases(xquad, train, tico, skewed)
    for case in itertools.chain(every, belebele_cases(pools["belebele"][1]) if with_belebele else ()):
        evaluation = evaluated(case, *pools[case.pool], SCENARIOS, adapter)
        bases.setdefault(case.pool, evaluation)
        lines.append(line_of(case, evaluation, bases[case.pool]))
        shown = {item["measure"]: item["value"] for item in reversed(lines[-1]["means"]) if item["value"] is not None}
        print(f"{name}: {case.name}: {shown['Complete@10']:.1f} {shown['nDCG@1']:.3f}", file=sys.stderr)
    return {
        "encoder": name,
        "texts_fitted": {
            what: {label: int(np.sum(np.array(sample.documents.languages) == label)) for label in LANGUAGES}
            for what, sample in (("train", train), ("train + tico19", joined(train, tico)))
        },
        "development": development(heldout, tico),
        "lines": lines,
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--embeddings", type=Path, required=True, help="folder that keeps the embeddings")
    options.add_argument("--no-belebele", action="store_true", help="leave Belebele out, which takes longest")
    options.add_argument("encoders", nargs="*", default=list(ENCODERS), help=f"of {', '.join(ENCODERS)}")
    given = options.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in given.encoders or list(ENCODERS):
        found = measured(name, given.embeddings, not given.no_belebele)
        (RESULTS / f"correction-{name}.json").write_text(json.dumps(found, indent=1) + "\n")
    print(write_tables(RESULTS))


if __name__ == "__main__":
    main()
