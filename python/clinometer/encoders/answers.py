"""Embeddings out of an answer in OpenAI's form, each at the place that its index names.

Nothing is filled in: an answer that does not have one finite vector of one length for every text is an error.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.errors import EncoderError

__all__ = ["Answer", "rows_of"]


class _Item(msgspec.Struct):
    index: int
    embedding: list[float] | str


class Answer(msgspec.Struct):
    """What clinometer reads of an answer.

    Args:
        data: One item for each text, in any order.
        model: What the server calls the model that answered; empty if it does not say.
    """

    data: list[_Item]
    model: str = ""


def rows_of(found: Any, texts: int, url: str) -> tuple[NDArray[np.float32], str]:
    """The embeddings in the order of the texts, and the server's name of the model.

    Args:
        found: The decoded JSON.
        texts: How many were sent.
        url: For errors.

    Raises:
        EncoderError: The answer has another form, other texts, or vectors that are not finite or differ in length.

    Example:
        >>> item = {"index": 0, "embedding": "AACAPwAAAEA="}
        >>> rows_of({"data": [{"index": 1, "embedding": [3, 4]}, item], "model": "m"}, 2, "here")[0].tolist()
        [[1.0, 2.0], [3.0, 4.0]]
    """
    try:
        answer = msgspec.convert(found, Answer)
    except msgspec.ValidationError as error:
        raise EncoderError(
            f"{url} does not answer in the form of OpenAI's embeddings ({error}); check the address"
        ) from None
    indices = [item.index for item in answer.data]
    if sorted(indices) != list(range(texts)):
        raise EncoderError(
            f"{url} got {texts} texts and answered with {len(indices)} embeddings, whose indices should be 0 to "
            f"{texts - 1}, each once, but are {_brief(indices)}; it cannot be told which belongs to which text"
        )
    rows = [np.empty(0, np.float32)] * texts
    for item in answer.data:
        rows[item.index] = _vector(item.embedding, url)
    lengths = sorted({len(row) for row in rows})
    if len(lengths) != 1 or lengths[0] == 0:
        raise EncoderError(f"{url} gave embeddings of {_brief(lengths)} dimensions in one answer; one length is needed")
    table = np.stack(rows)
    if not np.isfinite(table).all():
        bad = int(np.flatnonzero(~np.isfinite(table).all(axis=1))[0])
        raise EncoderError(f"{url} gave an embedding with NaN or infinity for text {bad} of a request; look at its log")
    return table, answer.model


def _vector(embedding: list[float] | str, url: str) -> NDArray[np.float32]:
    if isinstance(embedding, list):
        with np.errstate(over="ignore"):  # too large a number is infinite, and refused as such
            return np.array(embedding, dtype=np.float32)
    try:
        return np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4").astype(np.float32)
    except (binascii.Error, ValueError):
        raise EncoderError(f"{url} gave an embedding that is not base64 of float32; ask for float") from None


def _brief(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:8])) + (", ..." if len(numbers) > 8 else "") if numbers else "none"
