"""A collection as the files that TREC's tools and Anserini read: `qrels.txt`, `topics.tsv`, `corpus.jsonl`.

These formats cannot hold languages, so those are in `languages.tsv`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from clinometer.collection import Collection
from clinometer.files import folder_written_whole
from clinometer.io.textfiles import write_lines
from clinometer.io.trec import qrels_of, refuse_white_space, write_qrels

__all__ = ["write_trec"]


def write_trec(collection: Collection, folder: str | Path) -> None:
    """Write a collection for TREC's tools.

    `qrels.txt` has the judgements (`query_id 0 document_id grade`), `topics.tsv` a query a line (id, tab, text on one
    line), `corpus.jsonl` a document a line (`id` and `contents`, as Anserini's `JsonCollection` reads it), and
    `languages.tsv` the language of each document and query (id, tab, label). The folder is written completely or not
    at all.

    Args:
        collection: Collection to write.
        folder: New or empty folder.

    Raises:
        UsageError: The folder is not empty, or an id has white space.
        FileNotFoundError: The folder's parent does not exist.
    """
    refuse_white_space(collection.documents.ids, "document id")
    refuse_white_space(collection.queries.ids, "query id")
    with folder_written_whole(folder) as unfinished:
        write_qrels(unfinished / "qrels.txt", qrels_of(collection))
        write_lines(unfinished / "topics.tsv", _topics(collection))
        write_lines(unfinished / "corpus.jsonl", _documents(collection))
        write_lines(unfinished / "languages.tsv", _languages(collection))


def _topics(collection: Collection) -> Iterator[str]:
    for name, text in zip(collection.queries.ids, collection.queries.texts, strict=True):
        # The format allows one line and one tab only.
        yield f"{name}\t{' '.join(text.split())}"


def _documents(collection: Collection) -> Iterator[str]:
    for name, text in zip(collection.documents.ids, collection.documents.texts, strict=True):
        yield msgspec.json.encode({"id": name, "contents": text}).decode()


def _languages(collection: Collection) -> Iterator[str]:
    for texts in (collection.documents, collection.queries):
        for name, language in zip(texts.ids, texts.languages, strict=True):
            yield f"{name}\t{language}"
