"""Which similarity scores embeddings: the user's, else the one that their encoder is made for, else the cosine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from clinometer.encoders.base import EncoderRecord
from clinometer.errors import UsageError
from clinometer.parameters import choice

__all__ = [
    "SIMILARITIES",
    "Similarity",
    "check_similarity",
    "scaled_record",
    "similarity_notices",
    "similarity_of",
    "stored_similarity",
]

Similarity = Literal["cosine", "dot", "hamming"]
SIMILARITIES: tuple[Similarity, ...] = ("cosine", "dot", "hamming")


def check_similarity(similarity: str | None) -> None:
    """Refuse an unknown similarity; None is the encoder's own.

    Raises:
        UsageError: Not one of `SIMILARITIES`.
    """
    if similarity is not None:
        choice(similarity, "similarity", SIMILARITIES)


def similarity_of(records: Sequence[EncoderRecord], similarity: str | None = None) -> Similarity:
    """The similarity that scores embeddings.

    Args:
        records: Records of all embeddings, which are scored in one way.
        similarity: One of `SIMILARITIES`; None for the one that the encoder is made for, `cosine` if it states none.

    Raises:
        UsageError: The embeddings cannot be scored by it, or they are made for different ones.

    Example:
        >>> similarity_of([EncoderRecord(name="tas-b", kind="http", similarity="dot")])
        'dot'
    """
    stated = list(dict.fromkeys(record.similarity or "cosine" for record in records))
    name = records[0].name
    if similarity is None:
        if len(stated) > 1:
            raise UsageError(
                f"the embeddings of {name} are made for different similarities ({', '.join(stated)}); choose one "
                "with similarity"
            )
        similarity = stated[0]
    check_similarity(similarity)
    scaling = [str(entry.get("method")) for record in records for entry in record.remedies]
    if similarity == "dot" and scaling:
        raise UsageError(
            f"the dot product is not defined after {scaling[0]}, which scales all rows to length one; leave out the "
            "remedy, or score by cosine"
        )
    if "hamming" in stated and similarity != "hamming":
        raise UsageError(f"the embeddings of {name} are packed bits, so they are scored by hamming, not {similarity}")
    return similarity  # type: ignore[return-value] # checked above


def stored_similarity(records: Sequence[EncoderRecord], similarity: str | None = None) -> Similarity:
    """As `similarity_of`, for stored embeddings, which are never packed bits."""
    if similarity == "hamming":
        raise UsageError("the similarity hamming is for packed bits, but stores hold numbers; use cosine or dot")
    return similarity_of(records, similarity)


def similarity_notices(record: EncoderRecord, similarity: str) -> list[str]:
    """A sentence for the results if scores are not cosines, or are not what the encoder is made for."""
    stated = record.similarity or "cosine"
    if similarity == "hamming":
        return ["scores are Hamming similarities of packed bits: the number of equal bits minus that of different ones"]
    if similarity == stated:
        return [] if stated == "cosine" else [f"scores are dot products, which {record.name} is made for"]
    if similarity == "dot":
        return [f"scores are dot products, although {record.name} does not say that it is made for them"]
    return [f"{record.name} is made for {stated} scores, but scores are cosines here"]


def scaled_record(record: EncoderRecord, what: str) -> EncoderRecord:
    """The record of rows that a remedy scales to length one: only their cosines have a meaning.

    Args:
        record: Record before the remedy.
        what: Name of the remedy, for messages.

    Raises:
        UsageError: The embeddings are packed bits.
    """
    if record.similarity == "hamming":
        raise UsageError(f"{what} is not for packed bits; apply it to the embeddings before they are quantized")
    if record.similarity in ("", "cosine"):
        return record
    warning = (
        f"{record.name} is made for {record.similarity} scores, but {what} scales rows to length one, so scores are "
        "cosines"
    )
    return msgspec.structs.replace(record, similarity="cosine", warnings=[*record.warnings, warning])
