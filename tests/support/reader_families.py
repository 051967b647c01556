"""Every reader of files, and every small language of options, as a function that is given damaged input."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

import clinometer as cm
from clinometer.cli.study.definition import read_definition
from clinometer.encoders import EncoderRecord, PrecomputedEncoder
from clinometer.evaluation import cells
from clinometer.evaluation.contract import problems_of
from clinometer.evaluation.results import Evaluation
from clinometer.report.leaderboard import Contribution, leaderboard_json
from clinometer.report.leaderboard.provenance import facts_of
from support.collection_families import COLLECTIONS
from support.families import Family, use_each
from support.studies import STUDY
from support.text_families import TEXTS


def rows(count: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(size=(count, 5)).astype(np.float32)


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


def open_checkpoint(folder: Path) -> None:
    """Writes what is missing, and reads what is there."""
    from clinometer.scanning.checkpoint import Checkpoint

    with Checkpoint(folder, {"documents": "x"}):
        pass


def write_answer(folder: Path) -> None:
    items = [{"object": "embedding", "index": index, "embedding": [0.5, -1, 2e3]} for index in range(3)]
    content = {"object": "list", "data": [*items[:2], {**items[2], "embedding": "AACAPwAAAEAAAIA/"}], "model": "m"}
    (folder / "answer.json").write_text(json.dumps(content))


def read_answer(folder: Path) -> None:
    from clinometer.encoders.answers import rows_of
    from clinometer.encoders.endpoint import _detail
    from clinometer.encoders.secrecy import without_key

    raw = (folder / "answer.json").read_bytes()
    without_key(_detail(raw[:4096]), "sk-very-secret-0123456789")
    # What is not JSON leads to a retry, and what is nested too deeply to a sentence of the endpoint.
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        rows_of(raw, 3, "http://here")


FAMILIES = {
    **COLLECTIONS,
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
    "checkpoint": Family(open_checkpoint, open_checkpoint),
    "answer": Family(write_answer, read_answer),
    **TEXTS,
}
