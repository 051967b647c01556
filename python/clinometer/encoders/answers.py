"""Embeddings from a response in OpenAI's format, each in the row of its index.

Nothing is filled in: a response without one finite vector of one length for every text, not zero, is an error.
"""

from __future__ import annotations

import base64
import binascii
import re

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.errors import EncoderError, first_few
from clinometer.vectors import unusable_rows

__all__ = ["Answer", "UnusableRowError", "rows_of"]

_STRING_OR_NAN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\b(?:nan|inf(?:inity)?)\b', re.IGNORECASE | re.DOTALL)


class _Item(msgspec.Struct):
    index: int
    embedding: list[float | None] | str


class Answer(msgspec.Struct):
    """The fields of a response that clinometer reads: an item for each text, in any order, and the model.

    Args:
        data: The items.
        model: The server's name of the model.
    """

    data: list[_Item]
    model: str = ""


class UnusableRowError(EncoderError):
    """An embedding that cannot be scored.

    Args:
        text: Position of its text in the request.
        problem: What is wrong with it.
    """

    def __init__(self, text: int, problem: str) -> None:
        self.text, self.problem = text, problem
        super().__init__(f"text {text} of a request: {problem}")

    def __reduce__(self) -> tuple[type[UnusableRowError], tuple[int, str]]:
        return type(self), (self.text, self.problem)


def rows_of(raw: bytes, texts: int, url: str) -> tuple[NDArray[np.float32], str]:
    """The embeddings in the order of the texts, and the server's name of the model.

    Args:
        raw: The response, which is JSON.
        texts: Number of texts in the request.
        url: URL in error messages.

    Raises:
        EncoderError: The response has another format, other texts, or vectors that differ in length.
        UnusableRowError: A vector is zero, NaN or infinite.
        msgspec.DecodeError: It is not JSON.

    Example:
        >>> raw = b'{"data": [{"index": 1, "embedding": [3, 4]}, {"index": 0, "embedding": "AACAPwAAAEA="}]}'
        >>> rows_of(raw, 2, "here")[0].tolist()
        [[1.0, 2.0], [3.0, 4.0]]
    """
    answer = _decoded(raw, url)
    indices = [item.index for item in answer.data]
    if sorted(indices) != list(range(texts)):
        named = first_few(indices, 8, lambda index: str(index) if abs(index) < 10**9 else "a huge number") or "none"
        raise EncoderError(
            f"{url} got {texts} texts and returned {len(indices)} embeddings, whose indices should be 0 to "
            f"{texts - 1}, each once, but are {named}; embeddings and texts cannot be matched"
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
    if (unusable := unusable_rows(table)).size:
        text = int(unusable[0])
        kind = "NaN or infinity" if table[text].any() else "only zeros"
        raise UnusableRowError(text, f"{url} returned {kind} in its embedding; check the model and its precision")
    return table, answer.model


def _decoded(raw: bytes, url: str) -> Answer:
    try:
        return msgspec.json.decode(raw, type=Answer)
    except msgspec.ValidationError as error:
        raise EncoderError(
            f"{url} does not respond in the format of OpenAI's embeddings ({error}); check the URL"
        ) from None
    except msgspec.DecodeError:
        # NaN and infinity are not JSON; null is what most servers write for them.
        written = _STRING_OR_NAN.sub(lambda match: match[0] if match[0].startswith(b'"') else b"null", raw)
        if written == raw:
            raise
        return _decoded(written, url)


def _vector(embedding: list[float | None] | str, url: str) -> NDArray[np.float32]:
    if isinstance(embedding, list):
        with np.errstate(over="ignore"):  # numbers that are too large become infinite and are refused
            return np.array(embedding, dtype=np.float32)  # None becomes NaN
    try:
        return np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4").astype(np.float32)
    except (binascii.Error, ValueError):
        raise EncoderError(f"{url} returned an embedding that is not base64 of float32; use float") from None
