"""Ranks from 16-bit codes and from float16 compared with ranks from float32: `demo` with the offline encoder.

    python -m studies.store.int16_agreement

The result goes to studies/results/int16-agreement.json; `python -m studies.store.page` draws the table.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import clinometer as cm
from clinometer.store import EmbeddingStore, StoreWriter
from clinometer.store.manifest import DTYPES
from studies.command_line import parser
from studies.result_files import write_result
from studies.store.page import DEPTH, write_page


def measure() -> dict[str, Any]:
    collection, encoder = cm.load("demo"), cm.encoder("offline")
    answers = collection.grades >= 1
    ends = np.concatenate([[0], np.cumsum(answers)])[collection.indptr]
    relevant = (ends.astype(np.int64), collection.judged[answers].astype(np.int64))
    sides = [
        ("documents", collection.documents, encoder.encode_documents(collection.documents.texts)),
        ("queries", collection.queries, encoder.encode_queries(collection.queries.texts)),
    ]
    scans: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for dtype in DTYPES:
            stores = []
            for stage, texts, rows in sides:
                path = Path(folder) / dtype / stage
                with StoreWriter(path, encoder.record, stage, dtype) as writer:
                    writer.append(rows, texts.ids, texts.languages, texts.groups)
                stores.append(EmbeddingStore.open(path))
            scans[dtype] = (*stores, cm.scan(stores[1], stores[0], relevant, k=DEPTH))
        lines = [_line(dtype, scans[dtype], scans["float32"]) for dtype in DTYPES]
    return {
        "collection": "demo",
        "encoder": encoder.record.name,
        "documents": len(collection.documents),
        "queries": len(collection.queries),
        "answers": int(ends[-1]),
        "lines": lines,
    }


def _line(dtype: str, one: Any, plain: Any) -> dict[str, Any]:
    rows, exact = (np.asarray(store[0].rows(0, len(store[0])), dtype=np.float64) for store in (one, plain))
    largest = np.abs(exact).max(axis=1, keepdims=True)
    ranks, exact_ranks = (scan[2].ranks.ranks() for scan in (one, plain))
    lists, exact_lists = (scan[2].top.ids for scan in (one, plain))
    moved = np.abs(ranks - exact_ranks)
    scores = np.abs(one[2].ranks.scores.astype(np.float64) - plain[2].ranks.scores)
    return {
        "dtype": dtype,
        "bytes_per_row": one[0].manifest.width * np.dtype(dtype).itemsize,
        "largest_error_of_component": float((np.abs(rows - exact) / largest).max()),
        "largest_error_of_score": float(scores.max()),
        "ranks_equal": float((moved == 0).mean()),
        "largest_move": int(moved.max()),
        "lists_equal": float((lists == exact_lists).all(axis=1).mean()),
        "first_equal": float((lists[:, 0] == exact_lists[:, 0]).mean()),
    }


if __name__ == "__main__":
    parser(__doc__).parse_args()
    write_result("int16-agreement", measure())
    write_page()
