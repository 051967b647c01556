"""How the lean grows with the pool, and what uneven pools do to it: measure, keep, and write docs/pool-growth.md.

    python studies/growth.py --work DIR [ENCODER...]

Queries: the same 400 XQuAD questions in English, German and Chinese. Pools: XQuAD's 480 passages in English and one
other language, then distractors. Real ones are the passages of Belebele, TICO-19 and train/; generated ones are vectors
spread like the real ones of their language (`clinometer.pools.generated`), fitted to the real distractors alone.
Embeddings and generated vectors stay in DIR and are used again. Results go to studies/results/growth-ENCODER.json and
uneven-ENCODER.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from growth_page import write_page
from kept_embeddings import KeptEncoder

import clinometer as cm
from clinometer.collection import Collection, Texts
from clinometer.files import written_whole
from clinometer.pools.distractors import candidates
from clinometer.training.evaluator.questions import with_questions

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
RESULTS = ROOT / "studies" / "results"
ENCODERS = {"offline": "offline", "multilingual-e5-small": str(ROOT / "models" / "multilingual-e5-small")}
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
    """Whatever languages are asked for, so that distractors have one order."""
    train = ",".join(str(path) for path in sorted((DATA / "train").glob("*.jsonl.gz")))
    return {
        "belebele": cm.load(f"belebele:{DATA / 'belebele'}", languages=["en", "de"]),
        "tico19": cm.load(f"parallel:{DATA / 'tico19' / 'tico19_retrieval.jsonl.gz'}", languages=["en", "zh"]),
        "train": cm.load(f"parallel:{train}", languages=LANGUAGES),
    }


def real_texts(collection: Collection, each: int) -> dict[str, list[str]]:
    """The first distractors of each language, in the order in which `pool_growth` takes them."""
    found: Texts = candidates(collection, others(), 0)[0]
    return {label: [found.texts[row] for row in found.rows_in([label])[:each]] for label in collection.languages}


def growth(collection: Collection, encoder: Any, distractors: Any, sizes: list[int]) -> list[dict[str, Any]]:
    rows = cm.pool_growth(collection, encoder, distractors, sizes, measures=MEASURES, show_progress_bar=True)
    names = ("size", "query_language", "pool_languages", "measure", "value", "ci_low", "ci_high", "queries")
    plain = [row for row in rows if row["query_language"] in LANGUAGES]
    return [{name: _rounded(row[name]) for name in names} for row in plain]


def _rounded(value: Any) -> Any:
    return round(value, 5) if isinstance(value, float) else value


def distance(one: list[dict[str, Any]], other: list[dict[str, Any]], measure: str) -> tuple[float, float]:
    """Mean and largest absolute difference of two curves, over sizes beyond the first and both query languages."""
    found = [
        {
            (row["size"], row["query_language"], *row["pool_languages"]): row["value"]
            for row in rows
            if row["measure"] == measure and row["query_language"] != "en"
        }
        for rows in (one, other)
    ]
    gaps = [abs(found[0][key] - found[1][key]) for key in found[0] if key[0] > SIZES[0] and key in found[1]]
    return round(float(np.mean(gaps)), 4), round(float(np.max(gaps)), 4)


def grown(name: str, encoder: KeptEncoder, whole: Collection, work: Path, each: int) -> dict[str, Any]:
    """The curves, with real and with generated distractors, and how far these agree."""
    collection = with_questions(whole, QUESTIONS)
    texts = real_texts(collection, each)
    vectors = {label: encoder.encode_documents(part, show_progress_bar=True) for label, part in texts.items()}
    sizes = [size for size in SIZES if size // 2 - 240 <= each]
    real = growth(collection, encoder, vectors, sizes)
    agreement = []
    for smoothing in SMOOTHING:
        made = {
            label: cm.pools.generated(part, sizes[-1] // 2, smoothing=smoothing, seed=number)
            for number, (label, part) in enumerate(vectors.items())
        }
        found = growth(collection, encoder, made, sizes)
        gaps = {measure: distance(real, found, measure) for measure in MEASURES}
        agreement.append({"smoothing": smoothing, "gaps": gaps})
        print(f"{name}: smoothing {smoothing}: {gaps}", file=sys.stderr)
    best = min(agreement, key=lambda item: item["gaps"]["MaxRnorm"][0])["smoothing"]
    made = {label: kept(work / name, label, part, best) for label, part in vectors.items()}
    return {
        "encoder": name,
        "dtype": encoder.record.dtype,
        "languages": list(whole.languages),
        "questions": QUESTIONS,
        "real_distractors": {label: len(part) for label, part in texts.items()},
        "real": real,
        "agreement": agreement,
        "smoothing": best,
        "generated": growth(collection, encoder, made, sizes + LARGE),
    }


def kept(folder: Path, label: str, vectors: Any, smoothing: float) -> Any:
    path = folder / f"generated-{label}-{smoothing}-{len(vectors)}.npy"
    if not path.exists():
        print(f"generating {path.name}", file=sys.stderr)
        cm.pools.generated(vectors, LARGE[-1] // 2, smoothing=smoothing, seed=LANGUAGES.index(label), path=path)
    return np.load(path, mmap_mode="r")


def uneven(name: str, encoder: KeptEncoder, whole: Collection, new_texts: bool) -> dict[str, Any]:
    """All questions, but where queries must be encoded again: there the sample."""
    sampled = with_questions(whole, QUESTIONS)
    lines = []
    for title, step in UNEVEN.items():
        if not new_texts and step.startswith(("code_switch", "near_duplicates")):
            continue
        collection = sampled if step.startswith("code_switch") else whole
        pool = cm.pools.apply(collection, [step])
        # The same questions in the whole, even pool, so that nothing but the pool differs.
        asked = set(pool.queries.ids)
        even = {
            row["measure"]: row
            for row in _means(collection, encoder, asked if len(asked) < len(collection.queries) else None)
        }
        lines.append(
            {
                "title": title,
                "step": step,
                "documents": dict(pool.describe()["documents"]),
                "queries": len(asked),
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


def _means(collection: Collection, encoder: Any, asked: set[str] | None) -> list[dict[str, Any]]:
    if asked is not None:
        collection = asking(collection, asked)
    measures = ["Complete@10", "MaxRnorm", "RankGap", "Intrusion", "Intrusion(by=own)", "nDCG@10"]
    found = cm.evaluate(collection, encoder, scenarios=["multi"], measures=measures)
    labels = {row["query_language"] for row in found.rows}
    # With one other language there is no mean over languages.
    shown = "macro-target" if "macro-target" in labels else (labels & set(LANGUAGES) - {"en"}).pop()
    return [row for row in found.rows if row["query_language"] == shown]


def asking(collection: Collection, names: set[str]) -> Collection:
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
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--work", type=Path, required=True, help="folder that keeps embeddings and generated vectors")
    options.add_argument("encoders", nargs="*", default=list(ENCODERS), help=f"of {', '.join(ENCODERS)}")
    options.add_argument("--languages", default=",".join(LANGUAGES), help="of the pools, English among them")
    options.add_argument("--real", type=int, default=2760, help="real distractors of each language that are encoded")
    options.add_argument("--part", choices=["growth", "uneven", "all", "page"], default="all", help="what to measure")
    options.add_argument("--no-new-texts", action="store_true", help="no uneven pools whose texts must be encoded")
    given = options.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in [] if given.part == "page" else given.encoders:
        encoder = KeptEncoder(ENCODERS[name], given.work / name)
        whole = cm.load(f"xquad:{DATA / 'xquad'}", languages=given.languages.split(","))
        if given.part in ("growth", "all"):
            keep(f"growth-{name}", grown(name, encoder, whole, given.work, given.real))
        if given.part in ("uneven", "all"):
            keep(f"uneven-{name}", uneven(name, encoder, whole, not given.no_new_texts))
    write_page(RESULTS, ROOT / "docs", list(ENCODERS))


def keep(name: str, found: dict[str, Any]) -> None:
    with written_whole(RESULTS / f"{name}.json") as file:
        file.write(json.dumps(found, indent=1).encode() + b"\n")


if __name__ == "__main__":
    main()
