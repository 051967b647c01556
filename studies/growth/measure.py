"""How the lean grows with the pool, and what uneven pools do to it: curves and lines of docs/pool-growth.md.

    python -m studies.growth.measure --work DIR [ENCODER...]

Queries: the same 400 XQuAD questions in English, German and Chinese. Pools: XQuAD's 480 passages in English and one
other language, then distractors. Real ones are the passages of Belebele, TICO-19 and train/; generated ones are vectors
spread like the real ones of their language (`clinometer.pools.generated`), fitted to the real distractors alone.
Embeddings and generated vectors stay in DIR and are used again. Results go to studies/results/growth-ENCODER.json and
uneven-ENCODER.json; `python -m studies.growth.page` draws the page.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import clinometer as cm
from clinometer.collection import Collection, Texts
from clinometer.pools.distractors import candidates
from clinometer.training.evaluator.questions import with_questions
from studies.command_line import parser
from studies.growth.cached_encoder import CachedEncoder
from studies.growth.page import write_page
from studies.result_files import write_result
from studies.sources import ENCODERS, SOURCES, training_files

LANGUAGES = ["en", "de", "zh"]
QUESTIONS = 400
SIZES = [480, 600, 800, 1000, 1500, 2000, 3000, 4000, 6000]
LARGE = [10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000]
SMOOTHING = [0.25, 0.5, 0.75, 1.0]
MEASURES = ["Complete@10", "MaxR", "MaxRnorm", "RankGap", "Intrusion", "Intrusion(by=own)"]
UNEVEN = {
    "code-switched queries, half of the tokens": "code_switch(0.5)",
    "near-duplicates of 10 % of the passages, judged": "near_duplicates(0.1)",
    "near-duplicates of 10 % of the passages, not judged": "near_duplicates(0.1, judged=no)",
    "20 % of the pages untranslated, label kept": "untranslated(0.2)",
    "20 % of the pages untranslated, label English": "untranslated(0.2, how=relabelled)",
    "30 % of the passages translated, the rest English": "translate_partly(0.3, queries=own)",
    "90 % English": "skew(en=0.9, queries=complete)",
}


def others() -> dict[str, Collection]:
    """The collections that give distractors, in the same order whatever the languages of the pools."""
    return {
        "belebele": cm.load(SOURCES["belebele"], languages=["en", "de"]),
        "tico19": cm.load(SOURCES["tico19"], languages=["en", "zh"]),
        "train": cm.load(f"parallel:{','.join(map(str, training_files()))}", languages=LANGUAGES),
    }


def real_texts(collection: Collection, each: int) -> dict[str, list[str]]:
    """The first distractors of each language, in the order in which `pool_growth` takes them."""
    texts: Texts = candidates(collection, others(), 0)[0]
    return {label: [texts.texts[row] for row in texts.rows_in([label])[:each]] for label in collection.languages}


def growth(collection: Collection, encoder: Any, distractors: Any, sizes: list[int]) -> list[dict[str, Any]]:
    rows = cm.pool_growth(collection, encoder, distractors, sizes, measures=MEASURES, show_progress_bar=True)
    names = ("size", "query_language", "pool_languages", "measure", "value", "ci_low", "ci_high", "queries")
    plain = [row for row in rows if row["query_language"] in LANGUAGES]
    return [{name: _rounded(row[name]) for name in names} for row in plain]


def _rounded(value: Any) -> Any:
    return round(value, 5) if isinstance(value, float) else value


def distance(one: list[dict[str, Any]], other: list[dict[str, Any]], measure: str) -> tuple[float, float]:
    """Mean and largest absolute difference of two curves, over sizes beyond the first and both query languages."""
    curves = [
        {
            (row["size"], row["query_language"], *row["pool_languages"]): row["value"]
            for row in rows
            if row["measure"] == measure and row["query_language"] != "en"
        }
        for rows in (one, other)
    ]
    gaps = [abs(value - curves[1][key]) for key, value in curves[0].items() if key[0] > SIZES[0] and key in curves[1]]
    return round(float(np.mean(gaps)), 4), round(float(np.max(gaps)), 4)


def grown(name: str, encoder: CachedEncoder, whole: Collection, work: Path, each: int) -> dict[str, Any]:
    """The curves, with real and with generated distractors, and how far these agree."""
    collection = with_questions(whole, QUESTIONS)
    texts = real_texts(collection, each)
    vectors = {label: encoder.encode_documents(part, show_progress_bar=True) for label, part in texts.items()}
    sizes = [size for size in SIZES if size // 2 - 240 <= each]
    real = growth(collection, encoder, vectors, sizes)
    agreement = []
    for smoothing in SMOOTHING:
        generated = {
            label: cm.pools.generated(part, sizes[-1] // 2, smoothing=smoothing, seed=number)
            for number, (label, part) in enumerate(vectors.items())
        }
        rows = growth(collection, encoder, generated, sizes)
        gaps = {measure: distance(real, rows, measure) for measure in MEASURES}
        agreement.append({"smoothing": smoothing, "gaps": gaps})
        print(f"{name}: smoothing {smoothing}: {gaps}", file=sys.stderr)
    best = min(agreement, key=lambda item: item["gaps"]["MaxRnorm"][0])["smoothing"]
    generated = {label: large_pool(work / name, label, part, best) for label, part in vectors.items()}
    return {
        "encoder": name,
        "dtype": encoder.record.dtype,
        "languages": list(whole.languages),
        "questions": QUESTIONS,
        "real_distractors": {label: len(part) for label, part in texts.items()},
        "real": real,
        "agreement": agreement,
        "smoothing": best,
        "generated": growth(collection, encoder, generated, sizes + LARGE),
    }


def large_pool(folder: Path, label: str, vectors: Any, smoothing: float) -> Any:
    """The generated vectors of a language, saved in the folder."""
    path = folder / f"generated-{label}-{smoothing}-{len(vectors)}.npy"
    if not path.exists():
        print(f"generating {path.name}", file=sys.stderr)
        cm.pools.generated(vectors, LARGE[-1] // 2, smoothing=smoothing, seed=LANGUAGES.index(label), path=path)
    return np.load(path, mmap_mode="r")


def uneven(name: str, encoder: CachedEncoder, whole: Collection, new_texts: bool) -> dict[str, Any]:
    """What each kind of uneven pool does, with all questions; with the sample where queries must be encoded again."""
    sampled = with_questions(whole, QUESTIONS)
    lines = []
    for title, step in UNEVEN.items():
        if not new_texts and step.startswith(("code_switch", "near_duplicates")):
            continue
        collection = sampled if step.startswith("code_switch") else whole
        pool = cm.pools.apply(collection, [step])
        # The same questions in the whole, even pool, so that nothing but the pool differs.
        query_ids = set(pool.queries.ids)
        even = {
            row["measure"]: row
            for row in _means(collection, encoder, query_ids if len(query_ids) < len(collection.queries) else None)
        }
        lines.append(
            {
                "title": title,
                "step": step,
                "documents": dict(pool.describe()["documents"]),
                "queries": len(query_ids),
                "values": {
                    row["measure"]: {
                        "even": _rounded(even[row["measure"]]["value"]),
                        **{key: _rounded(row[key]) for key in ("value", "ci_low", "ci_high")},
                    }
                    for row in _means(pool, encoder, None)
                },
            }
        )
    return {"encoder": name, "dtype": encoder.record.dtype, "languages": list(whole.languages), "lines": lines}


def _means(collection: Collection, encoder: Any, query_ids: set[str] | None) -> list[dict[str, Any]]:
    if query_ids is not None:
        collection = with_queries(collection, query_ids)
    measures = ["Complete@10", "MaxRnorm", "RankGap", "Intrusion", "Intrusion(by=own)", "nDCG@10"]
    evaluation = cm.evaluate(collection, encoder, scenarios=["multi"], measures=measures)
    labels = {row["query_language"] for row in evaluation.rows}
    # With one other language there is no mean over languages.
    shown = "macro-target" if "macro-target" in labels else (labels & set(LANGUAGES) - {"en"}).pop()
    return [row for row in evaluation.rows if row["query_language"] == shown]


def with_queries(collection: Collection, names: set[str]) -> Collection:
    """The collection with some of its queries."""
    rows = [row for row, name in enumerate(collection.queries.ids) if name in names]
    spans = [slice(*collection.indptr[row : row + 2]) for row in rows]
    return replace(
        collection,
        queries=collection.queries.take(rows),
        indptr=np.cumsum([0, *(span.stop - span.start for span in spans)]).astype(np.int64),
        judged=np.concatenate([collection.judged[span] for span in spans]),
        grades=np.concatenate([collection.grades[span] for span in spans]),
    )


def main() -> None:
    command = parser(__doc__, "folder of embeddings and generated vectors", encoders=True)
    command.add_argument("--languages", default=",".join(LANGUAGES), help="languages of the pools, English among them")
    command.add_argument("--real", type=int, default=2760, help="real distractors to encode for each language")
    command.add_argument("--part", choices=["growth", "uneven", "all"], default="all", help="part to measure")
    command.add_argument("--no-new-texts", action="store_true", help="no uneven pools whose texts must be encoded")
    options = command.parse_args()
    for name in options.encoders:
        encoder = CachedEncoder(ENCODERS[name], options.work / name)
        whole = cm.load(SOURCES["xquad"], languages=options.languages.split(","))
        if options.part in ("growth", "all"):
            write_result(f"growth-{name}", grown(name, encoder, whole, options.work, options.real))
        if options.part in ("uneven", "all"):
            write_result(f"uneven-{name}", uneven(name, encoder, whole, not options.no_new_texts))
    write_page()


if __name__ == "__main__":
    main()
