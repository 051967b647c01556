"""Contenders of the table `folder`: from the files of a collection to its texts, and to the results."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from contenders import Answer, Ready
from workloads import Workload

import clinometer as cm
from clinometer.encoders import PrecomputedEncoder

__all__ = ["clinometer_evaluation", "clinometer_reading", "json_reading"]


def clinometer_evaluation(work: Workload, threads: int) -> Ready:
    """Ours from the folder to all rows of the results, in every scenario, with three examples of errors."""
    encoder = PrecomputedEncoder(work["queries"], work["documents"])

    def run() -> Answer:
        collection = cm.load(f"beir:{work.folder / 'texts'}")
        evaluation = cm.evaluate(collection, encoder, examples=3, threads=threads)
        values = [row["value"] for row in evaluation.rows if row["value"] is not None]
        return {"sizes": _sizes(len(collection.documents), len(collection.queries)), "values": np.array(values)}

    return Ready(run)


def clinometer_reading(work: Workload, _threads: int) -> Ready:
    """Ours up to the collection, with its digest."""

    def run() -> Answer:
        collection = cm.load(f"beir:{work.folder / 'texts'}")
        collection.digest()
        return {"sizes": _sizes(len(collection.documents), len(collection.queries))}

    return Ready(run)


def json_reading(work: Workload, _threads: int) -> Ready:
    """The usual way: `json.loads` of each line, and a dictionary of the fields that are needed."""

    def run() -> Answer:
        corpus, queries = {}, {}
        with (work.folder / "texts" / "corpus.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                row: dict[str, Any] = json.loads(line)
                corpus[row["_id"]] = {"title": row.get("title", ""), "text": row["text"], "language": row["language"]}
        with (work.folder / "texts" / "queries.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                queries[row["_id"]] = row["text"]
        return {"sizes": _sizes(len(corpus), len(queries))}

    return Ready(run)


def _sizes(documents: int, queries: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array([documents, queries])
