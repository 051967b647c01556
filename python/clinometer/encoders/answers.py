"""Embeddings from a response in OpenAI's format, each in the row of its index.

Nothing is filled in: a response without one finite vector of one length for every text is an error.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.errors import EncoderError, first_few

__all__ = ["Answer", "rows_of"]


class _Item(msgspec.Struct):
    index: int
    embedding: list[float] | str


class Answer(msgspec.Struct):
    """The fields of a response that clinometer reads: an item for each text, in any order, and the model."""

    data: list[_Item]
    model: str = ""


def rows_of(response: Any, texts: int, url: str) -> tuple[NDArray[np.float32], str]:
    """The embeddings in the order of the texts, and the server's name of the model.

    Args:
        response: The decoded JSON.
        texts: Number of texts in the request.
        url: URL in error messages.

    Raises:
        EncoderError: The response has another format, other texts, or vectors that are not finite or differ in length.

    Example:
        >>> item = {"index": 0, "embedding": "AACAPwAAAEA="}
        >>> rows_of({"data": [{"index": 1, "embedding": [3, 4]}, item], "model": "m"}, 2, "here")[0].tolist()
        [[1.0, 2.0], [3.0, 4.0]]
    """
    try:
        answer = msgspec.convert(response, Answer)
    except msgspec.ValidationError as error:
        raise EncoderError(
            f"{url} does not respond in the format of OpenAI's embeddings ({error}); check the URL"
        ) from None
    indices = [item.index for item in answer.data]
    if sorted(indices) != list(range(texts)):
        raise EncoderError(
            f"{url} got {texts} texts and returned {len(indices)} embeddings, whose indices should be 0 to "
            f"{texts - 1}, each once, but are {first_few(indices, 8) or 'none'}; embeddings and texts cannot be matched"
        )
    rows = [np.empty(0, np.float32)] * texts
    for item in answer.data:
        rows[item.index] = _vector(item.embedding, url)
    lengths = sorted({len(row) for row in rows})
    if len(lengths) != 1 or lengths[0] == 0:
        raise EncoderError(
            f"{url} returned embeddings of {first_few(lengths, 8) or 'none'} dimensions at once; one length is needed"
        )
    table = np.stack(rows)
    if not np.isfinite(table).all():
        text = int(np.flatnonzero(~np.isfinite(table).all(axis=1))[0])
        raise EncoderError(
            f"{url} returned NaN or infinity in the embedding of text {text} of a request; check its log"
        )
    return table, answer.model


def _vector(embedding: list[float] | str, url: str) -> NDArray[np.float32]:
    if isinstance(embedding, list):
        with np.errstate(over="ignore"):  # numbers that are too large become infinite and are refused
            return np.array(embedding, dtype=np.float32)
    try:
        return np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4").astype(np.float32)
    except (binascii.Error, ValueError):
        raise EncoderError(f"{url} returned an embedding that is not base64 of float32; use float") from None
