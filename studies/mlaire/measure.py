"""MLAIRE's questions to some retrievers: do they find the answer among all languages, and in which language first?

    OMP_WAIT_POLICY=PASSIVE python studies/mlaire.py --work DIR

Evaluates the offline encoder and multilingual-e5-small, each as it is and centered per language, and BM25, on XQuAD (12
languages), Belebele (6) and TICO-19 (12, complete groups only), every language's documents in one pool. Embeddings and
evaluations are kept in DIR, so the command can be stopped at any time and goes on where it was; with --ready it leaves
out what would have to be encoded first. It writes docs/mlaire.md (between the markers) and studies/results/mlaire.json;
without --work it writes the page from that file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mlaire_tables import KEPT, RETRIEVERS, write_kept, write_page
from numpy.typing import NDArray
from reproduction import straightened
from tqdm.auto import tqdm

import clinometer as cm
from clinometer import Evaluation
from clinometer.correction import Center
from clinometer.encoders import PrecomputedEncoder
from clinometer.files import written_whole

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
SOURCES = {
    "xquad": f"xquad:{DATA / 'xquad'}",
    "belebele": f"belebele:{DATA / 'belebele'}",
    "tico19": f"parallel:{DATA / 'tico19' / 'tico19_retrieval.jsonl.gz'}",
}
ENCODERS = {
    "offline": ("offline", {}),
    "multilingual-e5-small": (str(ROOT / "models" / "multilingual-e5-small"), {}),
}
PART = 256
MEASURES = [
    "nDCG@1", "nDCG@10", "nDCG@20", "LPR", "LPR(variant=top1)", "LPR(variant=any)", "LPR(variant=pair)",
    "LangNDCG@1", "LangNDCG@10", "LangNDCG@20", "LangNDCG(gain=0)@1", "LangNDCG(gain=0)@10", "LangNDCG(gain=0)@20",
    "FourWay(SR-QL)", "FourWay(SR-NQL)", "FourWay(NSR-QL)", "FourWay(NSR-NQL)", "RankDistance", "StrongViolation",
]  # fmt: skip


def embedded(name: str, dataset: str, stage: str, texts: Sequence[str], work: Path) -> NDArray[np.float32]:
    """Embeddings of these texts, part by part: parts that are there are not made again."""
    folder = work / "embeddings" / name / f"{dataset}-{stage}"
    folder.mkdir(parents=True, exist_ok=True)
    encoder: Any = None
    parts = []
    for start in tqdm(range(0, len(texts), PART), desc=f"{name}, {stage} of {dataset}"):
        path = folder / f"{start:06}.npy"
        if not path.exists():
            what, options = ENCODERS[name]
            encoder = encoder or cm.encoder(what, **options)
            encode = encoder.encode_queries if stage == "queries" else encoder.encode_documents
            with written_whole(path) as file:
                np.save(file, encode(list(texts[start : start + PART])))
        parts.append(np.load(path))
    return np.concatenate(parts)


def retriever(name: str, dataset: str, collection: cm.Collection, work: Path) -> Any:
    """What is evaluated under that name: bm25, or an encoder's embeddings, centered or not."""
    if name == "bm25":
        return "bm25"
    encoder, _, centered = name.partition(", ")
    queries = embedded(encoder, dataset, "queries", collection.queries.texts, work)
    documents = embedded(encoder, dataset, "documents", collection.documents.texts, work)
    if centered:
        # What somebody with an index has: its documents, neither queries nor translations nor judgements.
        correction = Center.fit(documents, list(collection.documents.languages))
        queries, documents = straightened(correction, collection, queries, documents)
    return PrecomputedEncoder(queries, documents, name=name)


def evaluated(name: str, dataset: str, collection: cm.Collection, work: Path) -> Evaluation:
    """The evaluation, made if it is not there."""
    path = work / "evaluations" / dataset / f"{name}.json"
    if path.exists():
        found = Evaluation.from_json(path)
        if found.collection["digest"] == collection.digest() and found.settings["measures"] == MEASURES:
            return found
    print(f"{dataset}: {name}", file=sys.stderr)
    found = cm.evaluate(
        collection, retriever(name, dataset, collection, work), scenarios=["multilingual"], measures=MEASURES,
        ties="expected", resamples=0,
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    found.to_json(path)
    return found


def ready(name: str, dataset: str, collection: cm.Collection, work: Path) -> bool:
    """Whether all embeddings are there."""
    folder = work / "embeddings" / name.partition(", ")[0]
    return name == "bm25" or all(
        len(list((folder / f"{dataset}-{stage}").glob("*.npy"))) == -(-len(texts) // PART)
        for stage, texts in (("queries", collection.queries), ("documents", collection.documents))
    )


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("--work", type=Path, help="folder for embeddings and evaluations")
    options.add_argument("--ready", action="store_true", help="leave out what would have to be encoded first")
    given = options.parse_args()
    if given.work:
        found: dict[str, dict[str, Evaluation]] = {}
        for dataset, source in SOURCES.items():
            collection = cm.load(source).complete()
            names = [name for name in RETRIEVERS if not given.ready or ready(name, dataset, collection, given.work)]
            found[dataset] = {name: evaluated(name, dataset, collection, given.work) for name in names}
        write_kept(found)
    elif not KEPT.exists():
        options.error(f"{KEPT.name} is not there; give --work DIR")
    write_page()


if __name__ == "__main__":
    main()
