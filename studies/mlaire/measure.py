"""MLAIRE's questions to some retrievers: evaluations of docs/mlaire.md.

    OMP_WAIT_POLICY=PASSIVE python -m studies.mlaire.measure --work DIR

Evaluates the offline encoder and multilingual-e5-small, each as it is and centered per language, and BM25, on XQuAD (12
languages), Belebele (6) and TICO-19 (12, complete groups only), every language's documents in one pool. Embeddings and
evaluations are saved in DIR, so the command can be stopped at any time and resumes where it stopped; with --ready it
leaves out what would have to be encoded first. Results go to studies/results/mlaire.json; `python -m
studies.mlaire.page` draws the page.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import clinometer as cm
from clinometer import Evaluation
from clinometer.correction import Center
from clinometer.encoders import PrecomputedEncoder
from studies.centering import corrected
from studies.command_line import parser
from studies.embeddings import PART, embedded, parts_folder
from studies.mlaire.page import RETRIEVERS, save_results, write_page
from studies.sources import SOURCES

MEASURES = [
    "nDCG@1", "nDCG@10", "nDCG@20", "LPR", "LPR(variant=top1)", "LPR(variant=any)", "LPR(variant=pair)",
    "LangNDCG@1", "LangNDCG@10", "LangNDCG@20", "LangNDCG(gain=0)@1", "LangNDCG(gain=0)@10", "LangNDCG(gain=0)@20",
    "FourWay(SR-QL)", "FourWay(SR-NQL)", "FourWay(NSR-QL)", "FourWay(NSR-NQL)", "RankDistance", "StrongViolation",
]  # fmt: skip


def retriever(name: str, dataset: str, collection: cm.Collection, work: Path) -> Any:
    """What is evaluated under that name: bm25, or an encoder's embeddings, centered or not."""
    if name == "bm25":
        return "bm25"
    encoder, _, centered = name.partition(", ")
    queries = embedded(encoder, dataset, "queries", collection.queries.texts, work)
    documents = embedded(encoder, dataset, "documents", collection.documents.texts, work)
    if centered:
        # What a user with an index has: its documents, neither queries nor translations nor judgements.
        correction = Center.fit(documents, list(collection.documents.languages))
        queries, documents = corrected(correction, collection, queries, documents)
    return PrecomputedEncoder(queries, documents, name=name)


def evaluated(name: str, dataset: str, collection: cm.Collection, work: Path) -> Evaluation:
    """The saved evaluation, or a new one."""
    path = work / "evaluations" / dataset / f"{name}.json"
    if path.exists():
        evaluation = Evaluation.from_json(path)
        if evaluation.collection["digest"] == collection.digest() and evaluation.settings["measures"] == MEASURES:
            return evaluation
    print(f"{dataset}: {name}", file=sys.stderr)
    evaluation = cm.evaluate(
        collection, retriever(name, dataset, collection, work), scenarios=["multilingual"], measures=MEASURES,
        ties="expected", resamples=0,
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    evaluation.to_json(path)
    return evaluation


def ready(name: str, dataset: str, collection: cm.Collection, work: Path) -> bool:
    """Whether everything that is needed has been encoded."""
    encoder = name.partition(", ")[0]
    return name == "bm25" or all(
        len(list(parts_folder(encoder, dataset, side, work).glob("*.npy"))) == -(-len(texts) // PART)
        for side, texts in (("queries", collection.queries), ("documents", collection.documents))
    )


def main() -> None:
    command = parser(__doc__, "folder of embeddings and evaluations")
    command.add_argument("--ready", action="store_true", help="nothing that would have to be encoded first")
    options = command.parse_args()
    evaluations: dict[str, dict[str, Evaluation]] = {}
    for dataset, source in SOURCES.items():
        collection = cm.load(source).complete()
        names = [name for name in RETRIEVERS if not options.ready or ready(name, dataset, collection, options.work)]
        evaluations[dataset] = {name: evaluated(name, dataset, collection, options.work) for name in names}
    save_results(evaluations)
    write_page()


if __name__ == "__main__":
    main()
