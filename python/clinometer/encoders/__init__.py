"""Encoders: from texts to embeddings, with a record of everything that changes them.

`encoder` makes one from a word, a path or an object; whatever it returns satisfies the protocol `Encoder`.
Optional packages are imported only when an encoder that needs them is made.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal, overload

from clinometer.encoders.base import Encoder, EncoderRecord, require_embeddings
from clinometer.encoders.http import HttpEncoder, HttpOptions
from clinometer.encoders.offline import OfflineEncoder
from clinometer.encoders.precomputed import PrecomputedEncoder
from clinometer.encoders.sentence_transformer import SentenceTransformerEncoder
from clinometer.errors import UsageError

if TYPE_CHECKING:
    from clinometer.scorers import BM25Scorer

__all__ = [
    "Encoder",
    "EncoderRecord",
    "HttpEncoder",
    "HttpOptions",
    "OfflineEncoder",
    "PrecomputedEncoder",
    "SentenceTransformerEncoder",
    "encoder",
    "require_embeddings",
]

_DEFAULT_BATCH_SIZE = 32


@overload
def encoder(what: Literal["bm25"]) -> BM25Scorer: ...  # type: ignore[overload-overlap]  # a word among many


@overload
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
    model: str | None = None,
    api_key: str | None = None,
    cache: str | os.PathLike[str] | None = None,
    http: HttpOptions | None = None,
) -> Encoder: ...


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
    model: str | None = None,
    api_key: str | None = None,
    cache: str | os.PathLike[str] | None = None,
    http: HttpOptions | None = None,
) -> Any:
    """An encoder from what a user writes.

    Args:
        what: `"offline"`; the name or folder of a sentence-transformers model, or such a model; the address of a
            server with OpenAI's embeddings, such as `http://localhost:8000/v1`; an encoder, which is returned as it is.
            A folder that is called `offline` is reached as `./offline`. Also what gives no embeddings and can only be
            evaluated: `"bm25"`, with other parameters `"bm25:k1=0.9,b=0.4"`, or a scorer (`clinometer.scorers`).
        query_prompt: Text put before each query; None for the model's own, `""` for none.
        document_prompt: The same for documents.
        batch_size: Texts in one forward pass or request.
        max_length: Longest input in tokens; the model's own if None.
        precision: `bfloat16` computes faster and less exactly; the model's own if None.
        device: Such as `cpu` or `cuda:0`.
        revision: Branch, tag or commit of a model on the hub.
        trust_remote_code: Run Python code that comes with the model.
        model: For an address: the server's name of the model.
        api_key: For an address: the key, else that of the environment (`HttpEncoder`).
        cache: For an address: folder in which finished batches are kept.
        http: For an address: how the server is asked.

    Raises:
        UsageError: `what` is none of these, or an option has no meaning for this encoder.
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
        "trust_remote_code": trust_remote_code or None,
    }
    remote = {"model": model, "api_key": api_key, "cache": cache, "http": http}
    every = {
        "query_prompt": query_prompt,
        "document_prompt": document_prompt,
        "batch_size": None if batch_size == _DEFAULT_BATCH_SIZE else batch_size,
        **local,
        **remote,
    }
    if isinstance(what, str) and what == "offline":
        _refuse(every, "the offline encoder")
        return OfflineEncoder()
    if isinstance(what, str) and what.partition(":")[0] == "bm25":
        from clinometer.scorers import BM25Scorer

        _refuse(every, "bm25")
        return BM25Scorer(**_parameters(what))
    if isinstance(what, str) and what.startswith(("http://", "https://")):
        _refuse(local, "an encoder behind an address")
        if model is None:
            raise UsageError(
                f"{what}: give the server's name of the model as well, with model='NAME', or with --model NAME to "
                "clinometer evaluate or encode"
            )
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
        _refuse(every, "an encoder that exists already")
        return what
    if _is_scorer(what):
        _refuse(every, "a scorer")
        return what
    if isinstance(what, (str, os.PathLike)) or _is_model(what):
        _refuse(remote, "a sentence-transformers model")
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
        )
    raise UsageError(
        f"an encoder cannot be made from {type(what).__name__}; give 'offline', the name or folder of a "
        "sentence-transformers model, such a model, an address, arrays in PrecomputedEncoder(queries, documents), or a "
        "scorer"
    )


def _parameters(what: str) -> dict[str, float]:
    """Numbers behind the colon of `bm25:k1=0.9,b=0.4`."""
    found: dict[str, float] = {}
    for part in filter(None, what.partition(":")[2].split(",")):
        name, _, value = part.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            found[name.strip()] = float("nan")
    if set(found) - {"k1", "b"} or any(value != value for value in found.values()):
        raise UsageError(f"{what!r} is no bm25 with parameters; write bm25:k1=0.9,b=0.4")
    return found


def _is_scorer(what: object) -> bool:
    from clinometer.scorers.base import Scorer

    return isinstance(what, Scorer) and not isinstance(what, type)


def _is_model(what: object) -> bool:
    return not isinstance(what, type) and callable(getattr(what, "encode", None)) and hasattr(what, "prompts")


def _refuse(options: dict[str, Any], whom: str) -> None:
    for option, value in options.items():
        if value is not None:
            raise UsageError(f"{option} has no effect on {whom}; leave it out")
