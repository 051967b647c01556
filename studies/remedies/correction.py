"""What correction without training does: encode once, fit each method, evaluate on XQuAD, write tables.

    python -m studies.remedies.correction --work DIR [ENCODER...]

Embeddings are saved in DIR and reused; with `--missing` so are the lines of an earlier result. Results go to
studies/results/correction-ENCODER.json and, as tables, to docs/correction.md. Corrections are fitted on `train` and
`tico19`, never on what is evaluated, except where a line says so: "unlabelled sample" is fitted on some of the
evaluated texts, without translations and judgements, and "index" on the documents of the pool. The query strength of
`center` is what a rule gives on tico19, but the rule was set, and `directions` were thought of, after first results on
XQuAD had been seen: its lines there are not a blind test.
"""

from __future__ import annotations

import hashlib
import itertools
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import clinometer as cm
from clinometer.adapters import Adapter, fit_adapter
from clinometer.adapters import load as load_adapter
from clinometer.collection import Texts
from clinometer.encoders import PrecomputedEncoder
from clinometer.encoders.base import Encoder, Side, encode
from clinometer.statistics.resampling import Resamples
from clinometer.statistics.significance import permutation_test
from clinometer.training.data import read_items, samples_from_items
from studies.command_line import parser
from studies.embeddings import encoder, saved
from studies.remedies.correction_cases import (
    LANGUAGES,
    Case,
    Vectors,
    as_published,
    belebele_cases,
    cases,
    center,
    joined,
    skewed_pool,
    train_texts,
    wrongly,
)
from studies.remedies.correction_page import write_page
from studies.result_files import read_result, write_result
from studies.sources import SOURCES, training_files

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


def embedded(name: str, folder: Path, side: Side, texts: Texts, encoder_of: Callable[[str], Encoder] = encoder) -> Any:
    """Embeddings by the encoder of a name, saved in the folder."""

    def make() -> Any:
        print(f"{name}: encoding {len(texts)} {side}", file=sys.stderr)
        return encode(encoder_of(name), list(texts.texts), side, show_progress_bar=True)

    return saved(embeddings_file(name, folder, side, texts), make)


def embeddings_file(name: str, folder: Path, side: Side, texts: Texts) -> Path:
    """Where embeddings of some texts are, by a digest of these."""
    digest = hashlib.sha256("\0".join(texts.texts).encode()).hexdigest()[:16]
    return folder / f"{name}-{side}-{digest}.npy"


def loaded(name: str, source: str, folder: Path) -> tuple[cm.Collection, Any, Any]:
    """A collection, of tico19 the languages for development, and embeddings of its queries and documents."""
    collection = cm.load(SOURCES[source], languages=DEVELOPMENT if source == "tico19" else None)
    queries, documents = collection.queries, collection.documents
    return collection, embedded(name, folder, "queries", queries), embedded(name, folder, "documents", documents)


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
        items = read_items(training_files())
        learnt, held_out = (
            samples_from_items(items, TRAINED, count, 42, split, 0.1, layout="alignment+query")
            for split, count in (("train", 400), ("dev", 120))
        )
        adapter, _ = fit_adapter(learnt, encoder(name), dev=held_out, show_progress_bar=True)
        adapter.save(path)
    return load_adapter(path)


def target_values(evaluation: cm.Evaluation, measure: str) -> Any:
    """The mean over target languages for each question: translations of one question are not independent."""
    return by_question(evaluation, measure).mean(axis=0)


def by_question(evaluation: cm.Evaluation, column: str) -> Any:
    """`(target languages, questions)`: a column of the values per query in `multi`."""
    table = evaluation.per_query
    mine = (table["scenario"] == "multi") & (table["query_language"] != "en")
    languages = len(set(table["query_language"][mine]))
    return table[column][mine].reshape(languages, -1)


def line_of(case: Case, evaluation: cm.Evaluation, base: cm.Evaluation) -> dict[str, Any]:
    rows = {(row["measure"], row["scenario"], row["query_language"]): row for row in evaluation.rows}
    tested = ("Complete@10", "nDCG@1")
    differences = np.stack([[target_values(side, measure) for measure in tested] for side in (evaluation, base)])
    p_values = (
        permutation_test(differences[0].T, differences[1].T, Resamples(2000), by_question(evaluation, "cluster")[0])
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
    """Strengths on tico19: means over samples of 60 and of 240 texts a language, two draws of each."""
    lines = []
    samples = [vectors.few(texts, seed) for texts in (60, 240) for seed in range(2)]
    of_queries = [(1.0, number / 10) for number in range(3, 12)]
    of_both = [(number / 10, number / 10) for number in range(5, 12)]
    settings = [("auto", *pair) for pair in of_queries + of_both] + [(0, *pair) for pair in of_both]
    for directions, strength, query_strength in settings:
        how = partial(center, directions=directions, strength=strength, query_strength=query_strength)
        results = [evaluated(Case("", "", how, few), collection, vectors, ["multi"]) for few in samples]
        row = {"directions": directions, "strength": strength, "query_strength": query_strength}
        lines.append({**row, **means_and_errors(results)})
    return lines


def means_and_errors(results: Sequence[cm.Evaluation]) -> dict[str, Any]:
    """The mean of each measure for development over some samples, and its standard error over questions."""
    row: dict[str, Any] = {}
    for measure in DEVELOPMENT_MEASURES:
        values = np.mean([target_values(result, measure) for result in results], axis=0)
        row[measure] = float(np.mean([result.value(measure, "multi", "macro-target") for result in results]))
        row[f"{measure} error"] = float(values.std(ddof=1) / np.sqrt(len(values)) * row[measure] / values.mean())
    return row


def development_of_shift(collection: cm.Collection, vectors: Vectors, sample: Vectors) -> list[dict[str, Any]]:
    """Strengths of SHIFT as its authors run it on tico19, fitted on other texts."""
    lines = []
    for strength in [number / 10 for number in range(1, 11)]:
        result = evaluated(
            Case("", "", partial(as_published, strength=strength), sample), collection, vectors, ["multi"]
        )
        lines.append({"strength": strength, **means_and_errors([result])})
    return lines


def measured(name: str, folder: Path, with_belebele: bool, earlier: dict[str, Any]) -> dict[str, Any]:
    def vectors(queries: Texts, documents: Texts) -> Vectors:
        q, d = embedded(name, folder, "queries", queries), embedded(name, folder, "documents", documents)
        return Vectors(queries, documents, q, d)

    collection = cm.load(SOURCES["xquad"])
    heldout = cm.load(SOURCES["tico19"], languages=DEVELOPMENT)
    tico = vectors(heldout.queries, heldout.documents)
    train = vectors(*train_texts())
    xquad = vectors(collection.queries, collection.documents)
    small, skewed = skewed_pool(collection, xquad)
    pools = {"xquad": (collection, xquad), "skewed": (small, skewed)}
    if with_belebele:
        other = cm.load(SOURCES["belebele"])
        pools["belebele"] = (other, vectors(other.queries, other.documents))
    adapter = trained_adapter(name, folder)
    bases: dict[str, cm.Evaluation] = {}
    lines = []
    known = {(line["table"], line["name"], line["pool"]): line for line in earlier.get("lines", [])}
    every = cases(xquad, train, tico, skewed)
    for case in itertools.chain(every, belebele_cases(pools["belebele"][1]) if with_belebele else ()):
        if (case.table, case.name, case.pool) in known:
            lines.append(known[case.table, case.name, case.pool])
            continue
        if case.pool not in bases:
            bases[case.pool] = evaluated(Case("", "none"), *pools[case.pool], SCENARIOS)
        plain = case.sample is None and not case.adapted
        evaluation = bases[case.pool] if plain else evaluated(case, *pools[case.pool], SCENARIOS, adapter)
        lines.append(line_of(case, evaluation, bases[case.pool]))
        shown = {item["measure"]: item["value"] for item in reversed(lines[-1]["means"]) if item["value"] is not None}
        print(f"{name}: {case.name}: {shown['Complete@10']:.1f} {shown['nDCG@1']:.3f}", file=sys.stderr)
    return {
        "encoder": name,
        "texts_fitted": {
            what: {label: int(np.sum(np.array(sample.documents.languages) == label)) for label in LANGUAGES}
            for what, sample in (("train", train), ("train + tico19", joined(train, tico)))
        },
        "development": earlier.get("development") or development(heldout, tico),
        "development_of_shift": earlier.get("development_of_shift") or development_of_shift(heldout, tico, train),
        "lines": lines,
    }


def main() -> None:
    command = parser(__doc__, "folder of embeddings and adapters", encoders=True)
    command.add_argument("--no-belebele", action="store_true", help="no lines on Belebele, which take longest")
    command.add_argument("--missing", action="store_true", help="only lines that the earlier result does not have")
    options = command.parse_args()
    for name in options.encoders:
        earlier = read_result(f"correction-{name}") if options.missing else {}
        write_result(f"correction-{name}", measured(name, options.work, not options.no_belebele, earlier))
    print(write_page())


if __name__ == "__main__":
    main()
