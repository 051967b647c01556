"""What the pages take for granted: small collections and arrays under the names that the pages use."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

import clinometer as cm
from clinometer.io.beir import write_beir

LANGUAGES = ("en", "de", "zh")

PLACEHOLDERS = {
    "SOURCE": "parallel:pages.jsonl",
    "E": "offline",
    "xquad:DIR": "xquad:squad",
    "intfloat/multilingual-e5-small": "offline",
}
"""What a reader replaces, or what needs a hub, and what stands for it here."""


def build(folder: Path) -> None:
    """Fill a folder with small collections in three languages."""
    items = write_pages(folder / "pages.jsonl")
    for name in ("pairs", "items"):
        (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress((folder / "pages.jsonl").read_bytes()))
    _squad(folder / "squad", items)
    write_beir(cm.load(f"parallel:{folder / 'pages.jsonl'}"), folder / "my-collection")
    shutil.copytree(folder / "my-collection", folder / "tests" / "collection")


def write_pages(path: Path, start: int = 0) -> list[dict[str, Any]]:
    """Every third page of the embedded collection from `start` on, with a question each, as parallel JSONL."""
    collection = cm.load("demo", languages=LANGUAGES)
    documents = dict(zip(collection.documents.ids, collection.documents.texts, strict=True))
    queries = dict(zip(collection.queries.ids, collection.queries.texts, strict=True))
    pages = [key.partition(":")[2] for key in documents if key.startswith("en:")]
    items = [
        {
            "id": f"{page}#1",
            "texts": {
                language: {"document": documents[f"{language}:{page}"], "query": queries[f"{language}:{page}:1"]}
                for language in LANGUAGES
            },
        }
        for page in pages[start::3]
    ]
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items), encoding="utf-8")
    return items


def _squad(folder: Path, items: list[dict[str, Any]]) -> None:
    folder.mkdir()
    for language in LANGUAGES:
        data = []
        for item in items:
            text = item["texts"][language]
            answer = {"text": text["document"][:9], "answer_start": 0}
            question = {"id": item["id"], "question": text["query"], "answers": [answer]}
            data.append({"title": item["id"], "paragraphs": [{"context": text["document"], "qas": [question]}]})
        content = json.dumps({"version": "1.1", "data": data}, ensure_ascii=False)
        (folder / f"xquad.{language}.json").write_text(content, encoding="utf-8")


def arrays() -> dict[str, Any]:
    """Embeddings, judgements and labels under the names that the pages use."""
    draw = np.random.default_rng(0)
    documents = draw.normal(size=(240, 16)).astype(np.float32)
    relevant = [[row, row + 80] for row in range(20)]
    queries = np.stack([documents[rows].mean(axis=0) for rows in relevant])
    labels = [language for language in LANGUAGES for _ in range(80)]
    return {"cm": cm, "np": np, "queries": queries, "documents": documents, "relevant": relevant, "labels": labels}
