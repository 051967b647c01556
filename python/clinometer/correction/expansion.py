"""Expansion: documents of one index are blended with their probable translations in it, so that both are found.

It belongs to the documents of one index, unlike a correction: what becomes of a row depends on its partners. Queries
stay, and so does every document without a partner.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.correction.mined import LEAST_PAIRS, MinedPairs, counted, enough, mining_record, rule, too_few
from clinometer.correction.records import with_entry
from clinometer.encoders.base import EncoderRecord
from clinometer.errors import EmbeddingError, UsageError, shown
from clinometer.languages import canonical
from clinometer.parameters import is_real, whole
from clinometer.vectors import array_of, finished_rows, unit_rows

__all__ = [
    "METHOD",
    "WEIGHT",
    "Expansion",
    "check_expansion_weight",
    "known_before",
    "refuse_expanded",
    "with_weight",
    "without_expansion",
]

METHOD = "expansion"
WEIGHT = 0.5
"""Weight of the translation; chosen on tico19, see docs/turn.md."""

_BLOCK = 8192
_RECORDED = ("pivot", "neighbours", "margin", "documents_tried", "pairs", "pairs_by_chance", "pairs_right")


@dataclass(frozen=True, eq=False)
class Expansion:
    """`d' = unit(d + weight * t)`: `t` is a document's translation, or the mean of a pivot document's translations.

    All are of length one before. `clinometer.mining.expanded` finds the pairs. Two documents that are blended with each
    other come closer; a weight of 1 makes them one. A language with too few pairs, or not clearly more than chance
    explains, is left out, as by a turn.

    Args:
        size: Number of documents of the index.
        weight: Weight of the translation, from 0 to 1.
        documents: `(n,)`: positions of the blended documents, ascending.
        starts: `(n + 1,)`: where the partners of each begin in `partners`.
        partners: Positions of the partners.
        settings: Record of the mining. JSON values only.
    """

    size: int
    weight: float
    documents: NDArray[np.int64]
    starts: NDArray[np.int64]
    partners: NDArray[np.int64]
    settings: dict[str, Any]

    @classmethod
    def of(
        cls, pairs: Mapping[str, MinedPairs], size: int, *, weight: float = WEIGHT, pivot: str = "en",
        least: int = LEAST_PAIRS, copies: Mapping[int, Sequence[int]] | None = None,
        mined_by: Mapping[str, Any] | None = None,
    ) -> Self:  # fmt: skip
        """The expansion by mined pairs.

        Args:
            pairs: Pairs of each language but the pivot, with the positions of the documents.
            size: Number of documents of the index.
            weight: Weight of the translation, from 0 to 1; 0 changes nothing.
            pivot: Language that the others are paired with.
            least: Smallest number of pairs of a language that is expanded.
            copies: Positions of documents that equal a paired one, by its position; they are blended like it.
            mined_by: Settings of the mining, for the record.

        Raises:
            UsageError: No language has enough pairs, or an option cannot be used.

        Example:
            >>> rows = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)
            >>> pairs = MinedPairs(rows[:1], rows[1:2], np.array([2.0]), 1, documents=np.array([0]),
            ...                    pivot_documents=np.array([1]))
            >>> Expansion.of({"de": pairs}, 3, weight=1.0, least=1).apply(rows).round(3).tolist()
            [[0.7070000171661377, 0.7070000171661377], [0.7070000171661377, 0.7070000171661377], [0.6..., 0.8...]]
        """
        check_expansion_weight(weight)
        whole(least, "least", least=1)
        pivot = canonical(pivot)
        expanded = [label for label, mined in pairs.items() if enough(mined, least)]
        if not expanded:
            raise UsageError(too_few("an expansion", pairs, least, pivot))
        partners_of: dict[int, list[int]] = {}
        for label in expanded:
            for own, other in _positions(label, pairs[label], size):
                partners_of.setdefault(own, []).append(other)
                partners_of.setdefault(other, []).append(own)
        for document, equal in (copies or {}).items():
            partners_of |= dict.fromkeys(equal, partners_of[document]) if document in partners_of else {}
        order = sorted(partners_of)
        counts = [len(partners_of[document]) for document in order]
        record = {
            "pivot": pivot,
            "least_pairs": least,
            **(mined_by or {}),
            "expanded": expanded,
            "left_out": [label for label in pairs if label not in expanded],
            "documents_expanded": len(order),
            **mining_record(pairs),
        }
        return cls(
            size,
            float(weight),
            np.array(order, dtype=np.int64),
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            np.array([partner for document in order for partner in partners_of[document]], dtype=np.int64),
            record,
        )

    @property
    def expanded(self) -> tuple[str, ...]:
        """The languages that are expanded, besides the pivot."""
        return tuple(self.settings["expanded"])

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits, equal for the same pairs of positions and weight."""
        sha = hashlib.sha256(f"{self.size} {self.weight!r}".encode())
        for array in (self.documents, self.starts, self.partners):
            sha.update(array.tobytes())
        return sha.hexdigest()[:12]

    def apply(self, vectors: ArrayLike) -> NDArray[np.float32]:
        """All documents of the index, after the expansion.

        Args:
            vectors: `(size, d)` embeddings of the documents after any correction, in the order of the mining.

        Returns:
            `(size, d)` float32: blended documents are of length one, the others are as they were.

        Raises:
            EmbeddingError: Another number of rows, or rows that cannot be blended.
        """
        rows = array_of(vectors, "the documents")
        if rows.ndim != 2 or len(rows) != self.size:
            raise EmbeddingError(
                f"the documents have shape {rows.shape}, but the expansion is of an index of {self.size:,} documents; "
                "give all of them in their order, or mine this index"
            )
        expanded = rows.astype(np.float32)
        for start in range(0, len(rows), _BLOCK):
            part = slice(start, start + _BLOCK)
            expanded[part] = self.blended(start, rows[part], lambda positions: rows[positions])
        return expanded

    def blended(
        self, start: int, rows: NDArray[Any], take: Callable[[NDArray[np.int64]], NDArray[Any]]
    ) -> NDArray[np.float32]:
        """Consecutive documents after the expansion; the result for one does not depend on how they are parted.

        Args:
            start: Position of the first.
            rows: `(n, d)`: their embeddings after any correction.
            take: Function that gives the embeddings at other positions, after any correction.

        Raises:
            EmbeddingError: Rows that cannot be blended.
        """
        whole_part = rows.astype(np.float32)
        first, last = np.searchsorted(self.documents, [start, start + len(rows)])
        if first == last or not self.weight:
            return whole_part
        here, starts = self.documents[first:last] - start, self.starts[first : last + 1]
        distinct, row_of = np.unique(self.partners[starts[0] : starts[-1]], return_inverse=True)
        partners = unit_rows(take(distinct), "documents")
        counts, sums = np.diff(starts), np.zeros((len(here), rows.shape[1]))
        for number in range(int(counts.max())):  # one after the other, so that a sum depends on nothing else
            has_one = counts > number
            sums[has_one] += partners[row_of[starts[:-1][has_one] - starts[0] + number]]
        moved = unit_rows(rows[here], "documents", first_row=start) + self.weight * sums / counts[:, None]
        message = "documents: nothing is left of {count} rows after the expansion ({named}); lower its weight"
        whole_part[here] = finished_rows(moved, message, start)
        return whole_part

    def entry(self) -> dict[str, Any]:
        """The entry of `EncoderRecord.remedies`."""
        record = self.settings
        medians = {label: quartiles[1] for label, quartiles in record["margins"].items()}
        return {
            "method": METHOD,
            "digest": self.digest,
            "settings": {
                "languages": list(self.expanded),
                "weight": self.weight,
                **{name: record[name] for name in _RECORDED if name in record},
                "left_out": ", ".join(record["left_out"]),
                "median_margins": medians,
                "documents_expanded": record["documents_expanded"],
                "documents": self.size,
            },
        }

    def recorded(self, record: EncoderRecord) -> EncoderRecord:
        """The record of the documents' embeddings after the expansion.

        Raises:
            UsageError: They are expanded already.
        """
        refuse_expanded(record)
        return msgspec.structs.replace(
            record,
            name=f"{record.name} + {METHOD}",
            revision=f"{record.revision}{_in_revision(self.digest)}".removeprefix("; "),
            remedies=[*record.remedies, self.entry()],
        )

    def notices(self) -> list[str]:
        """Sentences about the languages that are not expanded."""
        record = self.settings
        return [
            f"{label} is not expanded: {counted(record['pairs'][label])} among {record['documents_tried'][label]:,} "
            f"documents, of which chance explains {record['pairs_by_chance'][label]:g}; "
            f"{rule('an expansion', record['least_pairs'])}"
            for label in record["left_out"]
        ]


def check_expansion_weight(weight: object) -> None:
    """Refuse a weight that is not a number from 0 to 1.

    Raises:
        UsageError: The message gives the weight.
    """
    if not (is_real(weight) and 0 <= weight <= 1):
        raise UsageError(f"the weight of an expansion is {shown(weight)}, but must lie from 0 to 1, such as {WEIGHT}")


def refuse_expanded(record: EncoderRecord) -> None:
    """Refuse embeddings that are expanded already.

    Raises:
        UsageError: The message names their encoder.
    """
    if any(entry.get("method") == METHOD for entry in record.remedies):
        raise UsageError(f"the documents of {record.name} are expanded already; expand those that they were made from")


def without_expansion(record: EncoderRecord) -> EncoderRecord:
    """The record as it would be without an expansion, which changes no queries."""
    name, revision = record.name, record.revision
    for entry in record.remedies:
        if entry.get("method") == METHOD:
            name = name.replace(f" + {METHOD}", "", 1)
            revision = _without_digest(revision, entry)
    remedies = [entry for entry in record.remedies if entry.get("method") != METHOD]
    return msgspec.structs.replace(record, name=name, revision=revision, remedies=remedies)


def with_weight(record: Mapping[str, Any], weight: float) -> dict[str, Any]:
    """The record of an encoder, as builtins, with what is known of an expansion before pairs are mined.

    Example:
        >>> record = with_weight({"name": "model", "remedies": []}, 0.5)
        >>> record["name"], record["remedies"]
        ('model + expansion', [{'method': 'expansion', 'settings': {'weight': 0.5}}])
    """
    return with_entry(record, {"method": METHOD, "settings": {"weight": float(weight)}})


def known_before(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record of an encoder, as builtins, with no more of an expansion than is known before pairs are mined."""
    revision, entries = record.get("revision"), []
    for entry in record.get("remedies") or []:
        if entry.get("method") == METHOD:
            revision = _without_digest(revision or "", entry)
            entry = {"method": METHOD, "settings": {"weight": entry["settings"]["weight"]}}
        entries.append(entry)
    return {**record, "revision": revision, "remedies": entries}


def _without_digest(revision: str, entry: Mapping[str, Any]) -> str:
    return f"; {revision}".replace(_in_revision(entry.get("digest", "")), "", 1).removeprefix("; ")


def _in_revision(digest: Any) -> str:
    return f"; {METHOD} {digest}"


def _positions(label: str, mined: MinedPairs, size: int) -> list[tuple[int, int]]:
    if mined.documents is None or mined.pivot_documents is None:
        raise UsageError(f"the pairs of {label} do not say which documents they are of; mine them in the index")
    sides = mined.documents.tolist(), mined.pivot_documents.tolist()
    if any(not 0 <= position < size for side in sides for position in side):
        raise UsageError(f"the pairs of {label} are of documents that an index of {size:,} does not have")
    return list(zip(*sides, strict=True))
