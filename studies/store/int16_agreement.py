"""Ranks from 16-bit codes and from float16 beside ranks from float32: the demo collection with the offline encoder.

    python studies/int16_agreement.py

The result goes to studies/results/int16-agreement.json, and as a table into docs/how-to/stored-embeddings.md, with that
of studies/kill_and_resume.py.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import clinometer as cm
from clinometer.store import EmbeddingStore, StoreWriter
from clinometer.store.manifest import DTYPES

STUDIES = Path(__file__).resolve().parent
RESULTS = STUDIES / "results"
PAGE = STUDIES.parent / "docs" / "how-to" / "stored-embeddings.md"
BEGIN, END = "<!-- begin: tables -->", "<!-- end: tables -->"
DEPTH = 10


def measure() -> dict[str, Any]:
    collection, encoder = cm.load("demo"), cm.encoder("offline")
    answers = collection.grades >= 1
    ends = np.concatenate([[0], np.cumsum(answers)])[collection.indptr]
    relevant = (ends.astype(np.int64), collection.judged[answers].astype(np.int64))
    sides = [
        ("documents", collection.documents, encoder.encode_documents(collection.documents.texts)),
        ("queries", collection.queries, encoder.encode_queries(collection.queries.texts)),
    ]
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for dtype in DTYPES:
            stores = []
            for stage, texts, rows in sides:
                path = Path(folder) / dtype / stage
                with StoreWriter(path, encoder.record, stage, dtype) as writer:
                    writer.append(rows, texts.ids, texts.languages, texts.groups)
                stores.append(EmbeddingStore.open(path))
            found[dtype] = (*stores, cm.scan(stores[1], stores[0], relevant, k=DEPTH))
        lines = [_line(dtype, found[dtype], found["float32"]) for dtype in DTYPES]
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
    ranks, wanted = (scan[2].ranks.ranks() for scan in (one, plain))
    lists, asked = (scan[2].top.ids for scan in (one, plain))
    moved = np.abs(ranks - wanted)
    scores = np.abs(one[2].ranks.scores.astype(np.float64) - plain[2].ranks.scores)
    return {
        "dtype": dtype,
        "bytes_per_row": one[0].manifest.width * np.dtype(dtype).itemsize,
        "largest_error_of_component": float((np.abs(rows - exact) / largest).max()),
        "largest_error_of_score": float(scores.max()),
        "ranks_equal": float((moved == 0).mean()),
        "largest_move": int(moved.max()),
        "lists_equal": float((lists == asked).all(axis=1).mean()),
        "first_equal": float((lists[:, 0] == asked[:, 0]).mean()),
    }


def tables() -> str:
    agreement = json.loads((RESULTS / "int16-agreement.json").read_text())
    killed = json.loads((RESULTS / "kill-and-resume.json").read_text())
    text = [
        f"Ranks of {agreement['answers']:,} answers to {agreement['queries']:,} queries among {agreement['documents']} "
        f"documents in ten languages (`demo`, `{agreement['encoder']}`), documents and queries both stored so. Errors "
        "of components are relative to the largest of the row. Made by `python studies/int16_agreement.py`.",
        "",
        "| stored as | bytes a row | error of a component | error of a score | ranks as from float32 | largest move "
        f"| top {DEPTH} the same | first the same |",
        "|---|" + "--:|" * 7,
    ]
    text += [
        f"| {line['dtype']} | {line['bytes_per_row']:,} | {line['largest_error_of_component']:.1e} "
        f"| {line['largest_error_of_score']:.1e} | {100 * line['ranks_equal']:.2f} % | {line['largest_move']} "
        f"| {100 * line['lists_equal']:.2f} % | {100 * line['first_equal']:.2f} % |"
        for line in agreement["lines"]
        if line["dtype"] != "float32"
    ]
    rows = killed["rows"]
    text += [
        "",
        f"`{killed['source']}` ({', '.join(killed['languages'])}) with `{killed['encoder']}`, killed "
        f"{len(killed['kills'])} times and run again: "
        f"{killed['files']} files, {killed['bytes'] / 1e6:.1f} MB, "
        f"{'every byte as in' if killed['identical'] else 'NOT the bytes of'} a run that was left alone. Made by "
        "`python studies/kill_and_resume.py --work DIR`, with `--languages` for some of the languages.",
        "",
        "| kill | documents finished | queries finished | left of an unfinished shard |",
        "|--:|--:|--:|---|",
    ]
    text += [
        f"| {number} | {state['documents']:,} of {rows['documents']:,} | {state['queries']:,} of {rows['queries']:,} "
        f"| {', '.join(state['unfinished']) or 'nothing'} |"
        for number, state in enumerate(killed["kills"], 1)
    ]
    return "\n".join(text)


def write_page() -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{tables()}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    (RESULTS / "int16-agreement.json").write_text(json.dumps(measure(), indent=1) + "\n")
    write_page()
    print(tables())
