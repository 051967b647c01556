"""Every reader of collections, judgements, runs and samples, with good files for it."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import clinometer as cm
from support.families import Family, Reader

LANGUAGES = ("en", "de", "fr")
GROUPS = 4


def lines(path: Path, items: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items), encoding="utf-8")


def write_beir(folder: Path) -> None:
    for name, prefix in (("corpus", ""), ("queries", "q")):
        items = [
            {"_id": f"{prefix}{label}:{group}", "title": "", "text": f"{name} {label} {group} ü",
             "language": label, "group": f"g{group}", "metadata": {"topic": "x"}}
            for group in range(GROUPS) for label in LANGUAGES
        ]  # fmt: skip
        lines(folder / f"{name}.jsonl", items)
    (folder / "qrels").mkdir()
    pairs = [f"q{a}:{group}\t{b}:{group}\t1" for group in range(GROUPS) for a in LANGUAGES for b in LANGUAGES]
    (folder / "qrels" / "test.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *pairs]) + "\n")


def loaded(kind: str, part: str = "", **options: Any) -> Reader:
    """A reader of a collection, whose description and complete part are looked at."""

    def read(folder: Path) -> None:
        collection = cm.load(f"{kind}:{folder / part}" if part else f"{kind}:{folder}", **options)
        json.dumps(collection.describe())
        collection.summary()
        collection.complete()

    return read


def write_xquad(folder: Path) -> None:
    for label in ("en", "de"):
        paragraphs = [
            {"context": f"Passage {group} {label} with an answer.",
             "qas": [{"id": f"{group}-{n}", "question": f"Q {n} {label}?",
                      "answers": [{"text": "answer", "answer_start": 20}]} for n in range(2)]}
            for group in range(2)
        ]  # fmt: skip
        content = {"data": [{"title": "T", "paragraphs": paragraphs}], "version": "1.1"}
        (folder / f"xquad.{label}.json").write_text(json.dumps(content))


def write_sentences(folder: Path) -> None:
    """The same with sentences, as in XQuAD-R."""
    write_xquad(folder)
    for path in folder.glob("*.json"):
        content = json.loads(path.read_text())
        for paragraph in content["data"][0]["paragraphs"]:
            context = paragraph["context"]
            paragraph |= {"sentences": [context[:9], context[9:]], "sentence_breaks": [[0, 9], [9, len(context)]]}
        path.write_text(json.dumps(content))


def write_mlir(folder: Path) -> None:
    lines(folder / "corpus.jsonl", [
        {f"doc_{label}_{group}": {"title": "", "text": f"{label} {group} ü", "lang": label}}
        for group in range(GROUPS) for label in ("en", "dt")
    ])  # fmt: skip
    queries = [{"_id": f"{label}_q{group}", "text": "?", "lang": label} for group in range(3) for label in ("en", "dt")]
    lines(folder / "queries.jsonl", [*queries, {"en_q3": {"text": "Text?", "lang": "en"}}])
    judged = [f"{label}_q{group}" for group in range(3) for label in ("en", "dt")] + ["en_q3"]
    qrels = [{name: {f"doc_en_{name[-1]}": 1, f"doc_dt_{name[-1]}": 1.0}} for name in judged]
    lines(folder / "qrels.jsonl", qrels)


def write_belebele(folder: Path) -> None:
    for label in ("eng_Latn", "deu_Latn"):
        items = [
            {"link": f"https://x.example/{group}", "question_number": number, "flores_passage": f"{label} {group}",
             "question": f"{label} {group} {number}?", "mc_answer1": "a", "mc_answer2": "b", "mc_answer3": "c",
             "mc_answer4": "d", "correct_answer_num": "1", "dialect": label, "ds": "2023"}
            for group in range(3) for number in (1, 2)
        ]  # fmt: skip
        lines(folder / f"{label}.jsonl", items)


def write_parallel(folder: Path) -> None:
    items = [
        {"id": f"r{group}", "source": "s",
         "texts": {label: {"query": f"q {label} {group}", "document": f"d {label} {group}"} for label in LANGUAGES}}
        for group in range(GROUPS)
    ]  # fmt: skip
    lines(folder / "items.jsonl", items)


def write_training(folder: Path) -> None:
    write_parallel(folder)
    passage = {"docid": "d1", "title": "T", "text": "x"}
    lines(folder / "pairs.jsonl", [{"query_id": "q1", "query": "q", "positive_passages": [passage]}])
    row = {"qid": "q1", "docid": "d1", "query_en": "q", "passage_en": "p", "query_tgt": "f", "passage_tgt": "a"}
    lines(folder / "translated.jsonl", [row | {"lang": label} for label in ("de", "fr")])


def read_training(folder: Path) -> None:
    from clinometer.training.items import read_items
    from clinometer.training.translate import read_pairs, read_translated

    for read, name in ((read_items, "items"), (read_pairs, "pairs"), (read_translated, "translated")):
        read(folder / f"{name}.jsonl")


def write_trec(folder: Path) -> None:
    write_beir(folder)
    queries = [f"q{label}:{group}" for group in range(GROUPS) for label in LANGUAGES]
    (folder / "a.qrels").write_text("".join(f"{query} 0 {query[1:]} 1\n" for query in queries))
    (folder / "run.trec").write_text(
        "".join(
            f"{query} Q0 {label}:{group} {rank} {9.5 - rank} tag\n"
            for query in queries
            for rank, (label, group) in enumerate([(query[1:3], query[4:]), ("en", "1"), ("fr", "2")], start=1)
            if (label, group) != (query[1:3], query[4:]) or rank == 1
        )
    )


def read_trec(folder: Path) -> None:
    from clinometer.io.judgements import read_judgements
    from clinometer.scorers import RunScorer

    read_judgements(folder / "a.qrels")
    scorer = RunScorer(folder / "run.trec")
    with suppress(FileNotFoundError):
        cm.evaluate(cm.load(f"beir:{folder}"), scorer, scenarios=["multilingual"], measures=["nDCG@10"], resamples=0)


COLLECTIONS = {
    "beir": Family(write_beir, loaded("beir")),
    "xquad": Family(write_xquad, loaded("xquad")),
    "sentences": Family(write_sentences, loaded("xquad", unit="sentence")),
    "mlir": Family(write_mlir, loaded("mlir")),
    "belebele": Family(write_belebele, loaded("belebele")),
    "parallel": Family(write_parallel, loaded("parallel", "items.jsonl")),
    "trec": Family(write_trec, read_trec),
    "training": Family(write_training, read_training),
}
