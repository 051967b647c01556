"""Families of embedding models that were trained with a fixed text before each query or document.

The table only serves to warn: no prompt is ever put before a text because of a model's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Family", "family_of"]


class Family(NamedTuple):
    """What one family expects before its inputs.

    Args:
        title: The family's name, for messages.
        pattern: Regular expression, searched in the lower-case last part of a model's name.
        query: Text before each query.
        document: Text before each document, empty if there is none.
    """

    title: str
    pattern: str
    query: str
    document: str = ""


_REPRESENT = "Represent this sentence for searching relevant passages: "
_INSTRUCT = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"

# The first match counts, so the special case stands before the general one. Only texts that the model cards state.
_FAMILIES = (
    Family("E5 instruct", r"(?<![a-z0-9])m?e5[-_].*instruct", f"{_INSTRUCT} "),
    Family("E5", r"(?<![a-z0-9])m?e5(?![a-z0-9])(?!-v$)", "query: ", "passage: "),
    Family("nomic-embed-text", r"nomic-embed-text", "search_query: ", "search_document: "),
    Family("BGE (English)", r"bge-(small|base|large)-en", _REPRESENT),
    Family("BGE (Chinese)", r"bge-(small|base|large)-zh", "为这个句子生成表示以用于检索相关文章："),
    Family("Snowflake arctic-embed v2", r"arctic-embed-[a-z]+-v2", "query: "),
    Family("Snowflake arctic-embed", r"arctic-embed", _REPRESENT),
    Family("mxbai-embed-large", r"mxbai-embed-large", _REPRESENT),
    Family("Qwen3-Embedding", r"qwen3-embedding", _INSTRUCT),
    Family("EmbeddingGemma", r"embeddinggemma", "task: search result | query: ", "title: none | text: "),
)


def family_of(labels: Iterable[str]) -> Family | None:
    """The family that one of a model's names belongs to, None if no name is known.

    Args:
        labels: Names under which the model goes: what the user gave, folder names, the name in its config.

    Example:
        >>> family_of(["intfloat/multilingual-e5-base"]).document
        'passage: '
        >>> family_of(["BAAI/bge-m3"]) is None
        True
    """
    parts = [label.lower().rstrip("/").rsplit("/", 1)[-1] for label in labels]
    return next((family for part in parts for family in _FAMILIES if re.search(family.pattern, part)), None)
