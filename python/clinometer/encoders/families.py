"""Families of embedding models that were trained with a fixed text before each query or document.

The table is only used for warnings: no prompt is ever added because of a model's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

__all__ = ["WEB_SEARCH", "Family", "family_of", "missing_prompts"]


class Family(NamedTuple):
    """The prompts that one family expects.

    Args:
        title: Name of the family, for messages.
        pattern: Regular expression, searched in the lower-case last part of a model's name.
        query: Text before each query.
        document: Text before each document, empty for none.
    """

    title: str
    pattern: str
    query: str
    document: str = ""


_REPRESENT = "Represent this sentence for searching relevant passages: "
WEB_SEARCH = "Given a web search query, retrieve relevant passages that answer the query"
"""The instruction for retrieval on the cards of most instruction models."""

_INSTRUCT = f"Instruct: {WEB_SEARCH}\nQuery:"  # Qwen3 without a space at the end, the others with one

# The first match counts, so special cases precede general ones. Only texts from the public cards of the models named
# in the comments; where a card has a prompt for each task, that of retrieval.
_FAMILIES = (
    # intfloat/multilingual-e5-large-instruct, intfloat/e5-mistral-7b-instruct
    Family("E5 instruct", r"(?<![a-z0-9])m?e5[-_].*instruct", f"{_INSTRUCT} "),
    # intfloat/multilingual-e5-base
    Family("E5", r"(?<![a-z0-9])m?e5(?![a-z0-9])(?!-v$)", "query: ", "passage: "),
    # nomic-ai/nomic-embed-text-v1.5
    Family("nomic-embed-text", r"nomic-embed-text", "search_query: ", "search_document: "),
    # BAAI/bge-base-en-v1.5, BAAI/bge-base-zh-v1.5
    Family("BGE (English)", r"bge-(small|base|large)-en", _REPRESENT),
    Family("BGE (Chinese)", r"bge-(small|base|large)-zh", "为这个句子生成表示以用于检索相关文章："),
    # BAAI/bge-multilingual-gemma2
    Family("bge-multilingual-gemma2", r"bge-multilingual-gemma2", f"<instruct>{WEB_SEARCH}.\n<query>"),
    # Snowflake/snowflake-arctic-embed-l-v2.0, Snowflake/snowflake-arctic-embed-m-v1.5
    Family("Snowflake arctic-embed v2", r"arctic-embed-[a-z]+-v2", "query: "),
    Family("Snowflake arctic-embed", r"arctic-embed", _REPRESENT),
    # mixedbread-ai/mxbai-embed-large-v1
    Family("mxbai-embed-large", r"mxbai-embed-large", _REPRESENT),
    # Qwen/Qwen3-Embedding-0.6B
    Family("Qwen3-Embedding", r"qwen3-embedding", _INSTRUCT),
    # Alibaba-NLP/gte-Qwen2-7B-instruct
    Family("gte-Qwen", r"gte-qwen(1\.5|2)", f"{_INSTRUCT} "),
    # Salesforce/SFR-Embedding-Mistral, Salesforce/SFR-Embedding-2_R; the models for code have other instructions
    Family("SFR-Embedding", r"sfr-embedding-(mistral|2)", f"{_INSTRUCT} "),
    # nvidia/NV-Embed-v2
    Family(
        "NV-Embed",
        r"nv-embed-v\d",
        "Instruct: Given a question, retrieve passages that answer the question\nQuery: ",
    ),
    # HIT-TMG/KaLM-embedding-multilingual-mini-instruct-v2, tencent/KaLM-Embedding-Gemma3-12B-2511
    Family(
        "KaLM-Embedding",
        r"kalm-embedding.*(instruct|gemma3)",
        "Instruct: Given a query, retrieve documents that answer the query \n Query: ",
    ),
    # google/embeddinggemma-300m
    Family("EmbeddingGemma", r"embeddinggemma", "task: search result | query: ", "title: none | text: "),
    # OrdalieTech/Solon-embeddings-large-0.1
    Family("Solon", r"solon-embeddings-(base|large)", "query : "),
    # ai-forever/FRIDA, ai-forever/ru-en-RoSBERTa
    Family("FRIDA", r"(?<![a-z0-9])(frida|ru-en-rosberta)(?![a-z0-9])", "search_query: ", "search_document: "),
    # jinaai/jina-embeddings-v3, jinaai/jina-embeddings-v4, jinaai/jina-embeddings-v5-text-small
    Family(
        "jina-embeddings-v3",
        r"jina-embeddings-v3",
        "Represent the query for retrieving evidence documents: ",
        "Represent the document for retrieval: ",
    ),
    Family("jina-embeddings-v4", r"jina-embeddings-v4", "Query: ", "Passage: "),
    Family("jina-embeddings-v5", r"jina-embeddings-v5", "Query: ", "Document: "),
)


def family_of(labels: Iterable[str]) -> Family | None:
    """The family that one of a model's names belongs to, None if no name is known.

    Args:
        labels: Names of the model: the user's, folder names, the name in its config.

    Example:
        >>> family_of(["intfloat/multilingual-e5-base"]).document
        'passage: '
        >>> family_of(["BAAI/bge-m3"]) is None
        True
    """
    parts = [label.lower().rstrip("/").rsplit("/", 1)[-1] for label in labels]
    return next((family for part in parts for family in _FAMILIES if re.search(family.pattern, part)), None)


def missing_prompts(
    name: str, labels: Sequence[str], prompts: dict[str, str], query_prompt: str | None, document_prompt: str | None
) -> list[str]:
    """A warning if a model's name shows that it needs prompts, and neither the model nor the user provides them.

    `prompts` are those in use, for `queries` and `documents`; of the user's own, an empty text is intentional.
    """
    family = family_of(labels)
    if family is None:
        return []
    sides = (
        ("queries", "query_prompt", family.query, query_prompt),
        ("documents", "document_prompt", family.document, document_prompt),
    )
    missing = [side for side in sides if side[2] and side[3] is None and not prompts[side[0]]]
    if not missing:
        return []
    training = " and ".join(f"{prompt!r} before its {stage}" for stage, _, prompt, _ in missing)
    options = " and ".join(f"{option}={prompt!r}" for _, option, prompt, _ in missing)
    return [
        f"{name} looks like a model of the family {family.title}, trained with {training}, but has no such prompt: "
        f"give {options}, or an empty string for no prompt"
    ]
