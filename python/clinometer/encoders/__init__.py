"""Encoders: from texts to embeddings, with a record of everything that changes them.

`encoder` creates one from a name, a path or an object; its results satisfy the protocol `Encoder`. Optional packages
are imported only when an encoder needs them, and so is what speaks to servers.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from clinometer.encoders.base import Encoder, EncoderRecord, encode, require_embeddings, wants_languages
from clinometer.encoders.changed import ChangedEncoder
from clinometer.encoders.offline import OfflineEncoder
from clinometer.encoders.precomputed import PrecomputedEncoder
from clinometer.encoders.sentence_transformer import SentenceTransformerEncoder
from clinometer.errors import UsageError

if TYPE_CHECKING:
    from clinometer.encoders.http import HttpEncoder, HttpOptions

__all__ = [
    "ChangedEncoder",
    "Encoder",
    "EncoderRecord",
    "HttpEncoder",
    "HttpOptions",
    "OfflineEncoder",
    "PrecomputedEncoder",
    "SentenceTransformerEncoder",
    "encode",
    "encoder",
    "refuse_options",
    "require_embeddings",
    "wants_languages",
]

_DEFAULT_BATCH_SIZE = 32


def encoder(
    what: str | os.PathLike[str] | Encoder | Any,
    *,
    query_prompt: str | None = None,
    document_prompt: str | None = None,
    batch_size: int = _DEFAULT_BATCH_SIZE,
    max_length: int | None = None,
    precision: str | None = None,
    device: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
    query_task: str | None = None,
    document_task: str | None = None,
    model: str | None = None,
    api_key: str | None = None,
    cache: str | os.PathLike[str] | None = None,
    http: HttpOptions | None = None,
    truncate_dim: int | None = None,
    similarity: str | None = None,
) -> Encoder:
    """An encoder from a name, a path, a URL or an object.

    Args:
        what: `"offline"`; the name or folder of a sentence-transformers model, or such a model; the URL of a
            server with OpenAI's embeddings protocol, such as `http://localhost:8000/v1`; an encoder, which is returned
            as it is. Write `./offline` for a folder named `offline`. For scorers without embeddings, such as BM25, see
            `clinometer.scorers.scorer`.
        query_prompt: Text put before each query; None for the model's own, `""` for none.
        document_prompt: The same for documents.
        batch_size: Texts in one forward pass or request.
        max_length: Longest input in tokens; the model's own if None.
        precision: `bfloat16` is faster and less exact; the model's own if None.
        device: Device, such as `cpu` or `cuda:0`.
        revision: Model revision (branch, tag or commit).
        trust_remote_code: Run Python code that comes with the model.
        query_task: Task of queries, for a model with other weights for each task (jina-embeddings-v3 and v4); by
            default its own for retrieval.
        document_task: Task of documents, likewise.
        model: The server's name of the model, for a URL.
        api_key: The key for a URL; by default that of the environment (`HttpEncoder`).
        cache: Folder of finished batches, for a URL.
        http: Options of the requests, for a URL.
        truncate_dim: Number of first components of each embedding that are used, for models trained so (Matryoshka);
            all by default.
        similarity: Similarity that the embeddings are made for, `cosine`, `dot` or `hamming`, if the model does not
            state it.

    Raises:
        UsageError: `what` is none of these, or an option has no effect on this encoder.
        EncoderError: The model cannot be loaded.
        MissingExtraError: The extra that this encoder needs is not installed.

    Example:
        >>> encoder("offline").record.dimension
        512
        >>> encoder("offline", query_prompt="query: ")
        Traceback (most recent call last):
        clinometer.errors.UsageError: query_prompt has no effect on the offline encoder; leave it out
    """
    local = {
        "max_length": max_length,
        "precision": precision,
        "device": device,
        "revision": revision,
        "trust_remote_code": trust_remote_code,
        "query_task": query_task,
        "document_task": document_task,
    }
    remote = {"model": model, "api_key": api_key, "cache": cache, "http": http}
    all_options: dict[str, Any] = {
        "query_prompt": query_prompt,
        "document_prompt": document_prompt,
        "batch_size": batch_size,
        **local,
        **remote,
    }
    if truncate_dim is not None or similarity is not None:
        return ChangedEncoder(encoder(what, **all_options), truncate_dim=truncate_dim, similarity=similarity)
    if isinstance(what, str) and what == "offline":
        refuse_options(all_options, "the offline encoder")
        return OfflineEncoder()
    if isinstance(what, str) and what == "precomputed":
        raise UsageError(
            "precomputed embeddings are arrays; give PrecomputedEncoder(queries, documents) instead of the name"
        )
    if isinstance(what, str) and what.lower().startswith(("http://", "https://")):
        from clinometer.encoders.endpoint import checked_address
        from clinometer.encoders.http import HttpEncoder

        refuse_options(local, "an encoder behind a URL")
        if model is None:
            raise UsageError(f"{checked_address(what)}: give the server's name of the model as well, with model='NAME'")
        return HttpEncoder(
            what,
            model,
            api_key=api_key,
            query_prompt=query_prompt,
            document_prompt=document_prompt,
            batch_size=batch_size,
            cache=cache,
            options=http,
        )
    if isinstance(what, Encoder) and not isinstance(what, type):
        refuse_options(all_options, "an existing encoder")
        return what
    if _gives_scores_only(what):
        require_embeddings(what)
    if isinstance(what, (str, os.PathLike)) or _is_model(what):
        refuse_options(remote, "a sentence-transformers model")
        return SentenceTransformerEncoder(
            what,
            query_prompt=query_prompt,
            document_prompt=document_prompt,
            batch_size=batch_size,
            max_length=max_length,
            precision=precision,
            device=device,
            revision=revision,
            trust_remote_code=trust_remote_code,
            query_task=query_task,
            document_task=document_task,
        )
    raise UsageError(
        f"an encoder cannot be made from {type(what).__name__}; give 'offline', the name or folder of a "
        "sentence-transformers model, such a model, a URL, or arrays in PrecomputedEncoder(queries, documents)"
    )


def _gives_scores_only(what: Any) -> bool:
    if isinstance(what, str):
        return what.partition(":")[0] == "bm25"
    return not isinstance(what, type) and hasattr(what, "record") and callable(getattr(what, "score", None))


def _is_model(what: object) -> bool:
    return not isinstance(what, type) and callable(getattr(what, "encode", None)) and hasattr(what, "prompts")


def refuse_options(options: dict[str, Any], whom: str) -> None:
    """Refuse options of `encoder` that have no effect; default values count as not set.

    Args:
        options: Values by name.
        whom: Description of the encoder, for the message.

    Raises:
        UsageError: One of them is set.
    """
    for option, value in options.items():
        if value not in (None, False) and (option, value) != ("batch_size", _DEFAULT_BATCH_SIZE):
            raise UsageError(f"{option} has no effect on {whom}; leave it out")


def __getattr__(name: str) -> Any:
    if name not in ("HttpEncoder", "HttpOptions"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from clinometer.encoders import http

    return getattr(http, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
