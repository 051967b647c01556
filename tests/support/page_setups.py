"""What single pages need besides the common stage: names that a reader has, and files of earlier steps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clinometer as cm
from clinometer.adapters import centering_adapter
from support import embeddings_server, page_stage
from support.command_line import Run
from support.translated_index import translated_index

Names = dict[str, Any]

INDEX = translated_index({"en": 90, "de": 80, "zh": 70}, 0.9, seed=8)
"""The index of the page about correcting one."""

_STUDY = """  - encoder: intfloat/multilingual-e5-small
    revision: main
    query-prompt: "query: "
    document-prompt: "passage: "
"""


@dataclass
class Setting:
    """The names that the blocks of a page may use, and what its placeholders stand for."""

    names: Names = field(default_factory=page_stage.arrays)
    placeholders: dict[str, str] = field(default_factory=lambda: dict(page_stage.PLACEHOLDERS))


@contextmanager
def prepared(page: str, run: Run) -> Iterator[Setting]:
    """The setting of a page; its files go into the working folder."""
    setting = Setting()
    if page == "docs/how-to/http-encoders.md":
        with embeddings_server.serving() as server:
            setting.placeholders["http://localhost:8000/v1"] = server.address
            yield setting
        return
    if (prepare := _OWN.get(page)) is not None:
        prepare(setting, run)
    yield setting


def _any_scorer(setting: Setting, run: Run) -> None:
    collection = cm.load("xquad:squad", languages=page_stage.LANGUAGES).complete()
    options: dict[str, Any] = {"scenarios": ["multilingual"], "measures": ["RR"], "resamples": 0}
    cm.evaluate(collection, "offline", save_run="lists.trec.gz", **options)
    draw = np.random.default_rng(1)
    queries, documents = len(collection.queries), len(collection.documents)
    scores = draw.random((queries, documents))
    np.save("scores.npy", scores)
    setting.names |= {
        "collection": collection,
        "languages": collection.documents.languages,
        "scores": scores,
        "relevant": [[row % documents] for row in range(queries)],
        "query_weights": draw.random((queries, 6)),
        "document_weights": draw.random((documents, 6)),
        "query_tokens": [draw.normal(size=(3, 8)) for _ in range(queries)],
        "document_tokens": [draw.normal(size=(5, 8)) for _ in range(documents)],
        "my_scores": lambda query, texts: draw.random(len(texts)),
    }


def _continuous_integration(setting: Setting, run: Run) -> None:
    setting.placeholders["models/encoder"] = "offline"


def _correct_an_index(setting: Setting, run: Run) -> None:
    setting.names |= index_names()


def index_names() -> Names:
    """The names of the page about correcting an index."""
    return {
        "documents": INDEX.rows,
        "document_languages": INDEX.languages,
        "queries": INDEX.rows[::3] + 0.1,
        "query_languages": np.array(INDEX.languages[::3]),
        "index": INDEX.rows,
        "index_languages": INDEX.languages,
        "languages": np.array(INDEX.languages),
    }


def _judgements(setting: Setting, run: Run) -> None:
    collection = cm.load("parallel:pages.jsonl")
    first = collection.documents.ids[0]
    lines = "".join(f"{query} 0 {first} 1\n" for query in collection.queries.ids)
    Path("judged.qrels").write_text(lines, encoding="utf-8")


def _many_encoders(setting: Setting, run: Run) -> None:
    collection = cm.load("parallel:pages.jsonl")
    rows = cm.encoder("offline").encode_documents(collection.documents.texts)
    labels = collection.documents.languages
    centering_adapter(rows, labels, rows, labels).save("adapter.safetensors")
    replaced = {_STUDY: "", "source: demo": "source: parallel:pages.jsonl", "[en, de, no]": "[en, de]"}
    setting.placeholders = replaced | {"beir:our-collection": "beir:my-collection"} | setting.placeholders


def _other_tools(setting: Setting, run: Run) -> None:
    Path("models/mine").mkdir(parents=True)
    setting.names["evaluation"] = cm.evaluate("demo", "offline", languages=["en", "de"], resamples=0)
    folder = Path("arguana")
    (folder / "qrels").mkdir(parents=True)
    texts = [json.dumps({"_id": f"d{row}", "text": f"An argument about subject {row}."}) + "\n" for row in range(6)]
    (folder / "corpus.jsonl").write_text("".join(texts), encoding="utf-8")
    (folder / "queries.jsonl").write_text("".join(texts[:3]), encoding="utf-8")
    lines = "".join(f"d{row}\td{row + 3}\t1\n" for row in range(3))
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{lines}", encoding="utf-8")


def _realistic_pools(setting: Setting, run: Run) -> None:
    page_stage.write_pages(Path("tico19.jsonl"), start=1)
    setting.placeholders |= {"size=5000": "size=90", "[1000, 10_000, 100_000]": "[60, 80]"}


def _similarity(setting: Setting, run: Run) -> None:
    collection = cm.load("parallel:pages.jsonl")
    encoder = cm.encoder("offline")
    setting.placeholders["sentence-transformers/msmarco-distilbert-base-tas-b"] = "offline"
    setting.names |= {
        "collection": collection,
        "query_vectors": encoder.encode_queries(collection.queries.texts),
        "document_vectors": encoder.encode_documents(collection.documents.texts),
    }


def _stored_embeddings(setting: Setting, run: Run) -> None:
    page_stage.write_pages(Path("other.jsonl"), start=1)
    for name, source in (("a", "parallel:pages.jsonl"), ("b", "parallel:other.jsonl")):
        assert run("encode", source, "--encoder", "offline", "-o", name).code == 0
    queries = cm.load("parallel:pages.jsonl").queries.texts
    setting.names |= {
        "queries": cm.encoder("offline").encode_queries(queries),
        "relevant": [[row] for row in range(len(queries))],
    }
    np.save("vectors.npy", np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32))
    Path("rows.jsonl").write_text("".join(json.dumps({"id": name}) + "\n" for name in "abc"), encoding="utf-8")


def _read_a_report(setting: Setting, run: Run) -> None:
    for name in ("a", "b"):
        options = ("--encoder", "offline", "--scenarios", "multi", "--resamples", "20", "-o", f"results/{name}")
        assert run("evaluate", "parallel:pages.jsonl", *options).code == 0


def write_parquet() -> None:
    """Vectors of somebody else, in two files with names of their own for the columns."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    for number in range(2):
        vectors = np.random.default_rng(number).normal(size=(4, 6)).astype(np.float32)
        columns = {"key": [f"{number}-{row}" for row in range(4)], "vector": list(vectors), "lang": ["en", "de"] * 2}
        parquet.write_table(pyarrow.table(columns), f"part-{number}.parquet")


_OWN: dict[str, Callable[[Setting, Run], None]] = {
    "docs/how-to/any-scorer.md": _any_scorer,
    "docs/how-to/continuous-integration.md": _continuous_integration,
    "docs/how-to/correct-an-index.md": _correct_an_index,
    "docs/how-to/large-collections.md": _judgements,
    "docs/how-to/many-encoders.md": _many_encoders,
    "docs/how-to/other-tools.md": _other_tools,
    "docs/how-to/read-a-report.md": _read_a_report,
    "docs/how-to/realistic-pools.md": _realistic_pools,
    "docs/how-to/similarity.md": _similarity,
    "docs/how-to/stored-embeddings.md": _stored_embeddings,
}
