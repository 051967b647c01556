"""Every reader of files, and every small language of options, as a function that is given damaged input.

Whatever the input, only errors of the project may come out; the system's own for files that are missing pass as well.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

import clinometer as cm
from clinometer.cli.study.definition import read_definition
from clinometer.encoders import EncoderRecord, PrecomputedEncoder
from clinometer.errors import ClinometerError
from clinometer.evaluation import cells
from clinometer.evaluation.contract import problems_of
from clinometer.evaluation.results import Evaluation
from clinometer.report.leaderboard import Contribution, leaderboard_json
from clinometer.report.leaderboard.provenance import facts_of
from support.studies import STUDY

LANGUAGES = ("en", "de", "fr")
GROUPS = 4
T = TypeVar("T")
Writer = Callable[[Path], None]
Reader = Callable[[Path], Any]
ALLOWED = (ClinometerError, FileNotFoundError, PermissionError)
LONGEST_MESSAGE = 1400
"""A path, and a thousand characters."""


@dataclass(frozen=True)
class Family:
    """Readers of one kind of files.

    Args:
        write: Writer of good files into an empty folder.
        read: Reader of all of them, and user of what was read.
        text: Whether the input is one short text, in the file `text`, as of an option.
    """

    write: Writer
    read: Reader
    text: bool = False


def problem_of(family: Family, folder: Path, *, refused: bool = True) -> str:
    """What is wrong with how a family reads a folder; empty if nothing is. Without `refused`, any error is wrong."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            family.read(folder)
        except ALLOWED as error:
            message = str(error)
            if not refused:
                return message
            if "\x1b" in message:
                return f"a control character in {message!r}"
            return f"{len(message):,} characters: {message[:300]}" if len(message) > LONGEST_MESSAGE else ""
    return ""


def use_each(items: Iterable[T], use: Callable[[T], object]) -> None:
    """Use all the items, and raise the longest of their errors at the end."""
    failures = []
    for item in items:
        try:
            use(item)
        except ALLOWED as error:
            failures.append(error)
    if failures:
        raise max(failures, key=lambda error: len(str(error)))


def rows(count: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(size=(count, 5)).astype(np.float32)


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


def small_evaluation() -> Evaluation:
    collection = cm.load("demo", languages=["en", "de"])
    encoder = PrecomputedEncoder(rows(len(collection.queries)), rows(len(collection.documents), 1), name="random")
    return cm.evaluate(
        collection,
        encoder,
        scenarios=["multi", "multilingual"],
        measures=["MaxR", "nDCG@10"],
        resamples=20,
        by="topic",
        examples=1,
    )


def write_results(folder: Path) -> None:
    small_evaluation().to_folder(folder)


def read_results(folder: Path) -> None:
    from clinometer.report import plain_report, render_markdown

    evaluation = Evaluation.from_json(folder / "results.json").with_examples(folder)
    repr(evaluation)
    plain_report([evaluation.for_report()])
    render_markdown([evaluation.for_report()])


def read_per_query(folder: Path) -> None:
    from clinometer.comparison.conditions import check_results, read_conditions

    evaluation = Evaluation.from_folder(folder)
    check_results(evaluation, read_conditions("max-rise", ["MaxR=100"]), baseline=evaluation)
    cm.compare(evaluation, evaluation, resamples=20, measures=["MaxR"])


def write_cells(folder: Path) -> None:
    evaluation = small_evaluation()
    evaluation.to_json(folder / "results.json")
    record = cells.Cell(
        schema=1, encoder="small", collection="tiny", remedy="none", seed=None,
        results_sha256=cells.digest_of((folder / "results.json").read_bytes()), key="0" * 16,
        meaning={"collection": evaluation.collection["digest"], "remedy": {}}, commands=["clinometer evaluate demo"],
        cost=cells.CellCost(documents=cells.SideCost(texts=3, seconds=0.5, cpu_seconds=0.25)),
        changes=[cells.Change(scenario="multi", query_language="de", pool_languages=["de", "en"], measure="nDCG@1",
                              before=0.5, after=0.25, difference=-0.25, ci_low=-0.5, ci_high=0.0, queries=4)],
        versions={"python": "3.11"}, machine=cells.Machine(processor="one", cores=2),
    )  # fmt: skip
    digest = cells.write_json(folder / "cell.json", record)
    listed = cells.StudyCell(path=".", encoder="small", collection="tiny", remedy="none", cell_sha256=digest)
    cells.write_json(folder / "study.json", cells.Study(schema=1, name="tiny", cells=[listed], planned=1))


def read_cells(folder: Path) -> None:
    """As a leaderboard reads them, with and without their checksums."""

    def shown(cell: cells.Cell | None) -> None:
        content = Evaluation.from_json(folder / "results.json").to_dict()
        contribution = Contribution(content, None if cell is None else msgspec.to_builtins(cell), "tiny")
        leaderboard_json([contribution])
        facts_of(contribution)
        list(problems_of(cells.Entry(folder / "results.json", content, cell)))

    use_each([None, "cell.json"], lambda name: shown(None if name is None else cells.read_cell(folder / name)))
    cells.read_cells(folder)


def write_study_file(folder: Path) -> None:
    (folder / "study.yaml").write_text(STUDY.replace("{folder}", "."), encoding="utf-8")


def read_study_file(folder: Path) -> None:
    list(read_definition(folder / "study.yaml").cells())


def write_mteb(folder: Path) -> None:
    small_evaluation_path = folder / "results.json"
    small_evaluation().to_json(small_evaluation_path)
    from clinometer.integrations.mteb.results import write_mteb

    write_mteb(Evaluation.from_json(small_evaluation_path), folder, "Task")
    small_evaluation_path.unlink()


def read_mteb(folder: Path) -> None:
    from clinometer.integrations.mteb import read_mteb

    read_mteb(folder / "Task.json")


def write_counts(folder: Path) -> None:
    documents = rows(12)
    counts = cm.rank_relevant(rows(3, 1), documents, [[0, 1], [2], [5, 7]], languages=["en", "de", "fr"] * 4)
    counts.save(folder / "counts.npz")


def read_counts(folder: Path) -> None:
    from clinometer.scanning.counts import RankCounts

    counts = RankCounts.load(folder / "counts.npz")
    repr(counts)
    counts.ranks()
    counts.merge(counts)


def write_corrections(folder: Path) -> None:
    from clinometer.correction import fit

    languages = ["en", "de", "fr"] * 8
    groups = [f"g{number // 3}" for number in range(24)]
    for method in ("center", "lir", "shift", "query-shift", "calibrate"):
        pairs: dict[str, Any] = {"queries": rows(24, 2), "query_languages": languages} if method == "calibrate" else {}
        options: dict[str, Any] = {"groups": groups} if method in ("shift", "query-shift") else {}
        fit(method, rows(24), languages, **pairs, **options).save(folder / f"{method}.npz")


def read_corrections(folder: Path) -> None:
    from clinometer.correction import load

    def use(path: Path) -> None:
        correction = load(path)
        correction.describe()
        correction.apply(rows(3), ["en", "de", "fr"])
        correction.apply_queries(rows(3), ["en", None, "fr"], unknown="mean")

    use_each(sorted(folder.glob("*.npz")), use)


def write_adapter(folder: Path) -> None:
    from clinometer.adapters import Adapter

    Adapter.identity(5).save(folder / "adapter.safetensors")


def read_adapter(folder: Path) -> None:
    from clinometer.adapters.adapter import load

    adapter = load(folder / "adapter.safetensors")
    adapter.describe()
    adapter.apply(rows(2))


def write_store(folder: Path) -> None:
    from clinometer.store import StoreWriter

    record = EncoderRecord(name="random", kind="own", dimension=5)
    for name, dtype in (("store", "float32"), ("codes", "int16")):
        with StoreWriter(folder / name, record, stage="documents", dtype=dtype, shard_rows=4) as writer:  # type: ignore[arg-type]
            for start in range(0, 8, 4):
                ids = [f"d{number}" for number in range(start, start + 4)]
                writer.append(rows(4, start), ids, ["en", "de"] * 2, [f"g{number // 2}" for number in range(4)])
        (folder / name / ".lock").unlink(missing_ok=True)


def read_store(folder: Path) -> None:
    from clinometer.store import EmbeddingStore

    def use(name: str) -> None:
        store = EmbeddingStore.open(folder / name)
        list(store.ids), list(store.languages), list(store.groups)
        store.take([0, len(store) - 1])
        cm.search(rows(2), store, k=2)

    use_each(("store", "codes"), use)


def write_exchange(folder: Path) -> None:
    from clinometer.store.exchange import export_store

    write_store(folder)
    for name in ("a.npy", "b.safetensors"):
        export_store(folder / "store", folder / name)
    for name in ("store", "codes"):
        shutil.rmtree(folder / name)


def read_exchange(folder: Path) -> None:
    from clinometer.store.exchange import import_store

    target = folder.parent / f"{folder.name}-imported"

    def use(name: str) -> None:
        shutil.rmtree(target, ignore_errors=True)
        try:
            import_store(folder / name, target, encoder_name="x", language="en")
        finally:
            shutil.rmtree(target, ignore_errors=True)

    use_each(("a.npy", "b.safetensors"), use)


def write_arrays(folder: Path) -> None:
    np.save(folder / "queries.npy", rows(3))
    np.save(folder / "scores.npy", rows(5))


def read_arrays(folder: Path) -> None:
    from clinometer.scorers import MatrixScorer

    encoder = PrecomputedEncoder.from_files(folder / "queries.npy", folder / "queries.npy")
    encoder.encode_queries(["a", "b", "c"])
    MatrixScorer.from_file(folder / "scores.npy")


def write_cache(folder: Path) -> None:
    from clinometer.encoders.finished import Finished, Origin

    origin = Origin(endpoint="http://here", model="m", encoding_format="float", served="m", dimension=5)
    cache = Finished(folder, origin)
    cache.meet(origin)
    cache.keep(["a" * 64, "b" * 64], rows(2))


def read_cache(folder: Path) -> None:
    from clinometer.encoders.finished import Finished, Origin

    cache = Finished(folder, Origin(endpoint="http://here", model="m", encoding_format="float", dimension=5))
    cache.fill(np.empty((1, cache.origin.dimension), np.float32), ["a" * 64])


def write_checkpoint(folder: Path) -> None:
    from clinometer.scanning.checkpoint import Checkpoint

    with Checkpoint(folder, {"documents": "x"}):
        pass


def read_checkpoint(folder: Path) -> None:
    from clinometer.scanning.checkpoint import Checkpoint

    with Checkpoint(folder, {"documents": "x"}):
        pass


def text_family(texts: list[str], read: Callable[[str], Any]) -> Family:
    """A reader of short texts; the good ones are lines of one file, each of which is read."""

    def write(folder: Path) -> None:
        (folder / "text").write_text("\n".join(texts), encoding="utf-8")

    def read_text(folder: Path) -> None:
        use_each((folder / "text").read_text(encoding="utf-8", errors="surrogateescape").split("\n"), read)

    return Family(write, read_text, text=True)


def read_option(text: str) -> None:
    """Options that are small languages of their own."""
    from clinometer.cli.encoder_options import Server
    from clinometer.cli.option_groups import Source, split_names

    name, _, value = text.partition(" ")
    if name == "http":
        Server(http=[value])
    elif name == "reader":
        Source(reader=[value])
    else:
        split_names(value)


def read_source(text: str) -> None:
    if text.partition(":")[0] not in ("hub", "irds", "demo"):  # the first two ask the network
        cm.load(text)


def read_condition(text: str) -> None:
    from clinometer.comparison.conditions import read_conditions

    for kind in ("max", "max-drop"):
        read_conditions(kind, [text])


def read_budget(text: str) -> None:
    from clinometer.scanning.arguments import bytes_of

    bytes_of(text)


def read_address(text: str) -> None:
    from clinometer.encoders.endpoint import checked_address

    checked_address(text)


def read_pool(text: str) -> None:
    from clinometer.pools.grammar import parse

    parse([text])


def read_language(text: str) -> None:
    from clinometer.languages import canonical, long_label, near

    long_label(canonical(text))
    near(text, ["en", "de", "zh-Hant"])


def write_answer(folder: Path) -> None:
    items = [{"object": "embedding", "index": index, "embedding": [0.5, -1, 2e3]} for index in range(3)]
    content = {"object": "list", "data": [*items[:2], {**items[2], "embedding": "AACAPwAAAEAAAIA/"}], "model": "m"}
    (folder / "answer.json").write_text(json.dumps(content))


def read_answer(folder: Path) -> None:
    import msgspec

    from clinometer.encoders.answers import rows_of
    from clinometer.encoders.endpoint import _detail
    from clinometer.encoders.secrecy import without_key

    raw = (folder / "answer.json").read_bytes()
    without_key(_detail(raw[:4096]), "sk-very-secret-0123456789")
    # What is not JSON leads to a retry, and what is nested too deeply to a sentence of the endpoint.
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        rows_of(raw, 3, "http://here")


FAMILIES = {
    "beir": Family(write_beir, loaded("beir")),
    "xquad": Family(write_xquad, loaded("xquad")),
    "sentences": Family(write_sentences, loaded("xquad", unit="sentence")),
    "mlir": Family(write_mlir, loaded("mlir")),
    "belebele": Family(write_belebele, loaded("belebele")),
    "parallel": Family(write_parallel, loaded("parallel", "items.jsonl")),
    "trec": Family(write_trec, read_trec),
    "training": Family(write_training, read_training),
    "results": Family(write_results, read_results),
    "per-query": Family(write_results, read_per_query),
    "cells": Family(write_cells, read_cells),
    "study-file": Family(write_study_file, read_study_file),
    "mteb": Family(write_mteb, read_mteb),
    "counts": Family(write_counts, read_counts),
    "corrections": Family(write_corrections, read_corrections),
    "adapter": Family(write_adapter, read_adapter),
    "store": Family(write_store, read_store),
    "exchange": Family(write_exchange, read_exchange),
    "arrays": Family(write_arrays, read_arrays),
    "cache": Family(write_cache, read_cache),
    "checkpoint": Family(write_checkpoint, read_checkpoint),
    "answer": Family(write_answer, read_answer),
    "measures": text_family(
        ["MaxR", "nDCG@10", "LanguageGap(MaxRnorm)", "Intrusion(by=own)", "Judged@5", "Complete@10", "RBP(p=0.8)"],
        lambda text: cm.measures.parse([text]),
    ),
    "conditions": text_family(["MaxR=3", "Complete@10[multi,de,en+de]=95", "nDCG@10[multi]=0.5"], read_condition),
    "pools": text_family(["duplicates(share=0.1)", "draw(en=10,de=5,seed=3)", "switched(share=0.5)"], read_pool),
    "languages": text_family(["en", "zh-Hant-TW", "ceb_Latn", "iw", "lang1", "eng_Latn", "x-mine"], read_language),
    "budget": text_family(["4GB", "512MB", "1.5 k", "10"], read_budget),
    "address": text_family(["http://localhost:8000/v1", "https://[::1]:80/a", "http://a:b@c/d?e#f"], read_address),
    "sources": text_family(["beir:~/x", "xquad:/a b", "parallel:a,b.jsonl.gz", "demo"], read_source),
    "options": text_family(
        ["http concurrency=4", 'http query-fields={"a": 1}', "reader a-b=true", "names a,b"], read_option
    ),
}  # fmt: skip
