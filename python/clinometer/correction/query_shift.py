"""SHIFT as its authors run it: for each language of queries, an index moved towards that language.

A document becomes one block for each language of queries, side by side; a query is zero outside the block of its own
language. So one search over the longer rows gives every query the scores of the index that was moved for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.correction.base import Correction, Unknown
from clinometer.correction.offsets import checked_strength
from clinometer.correction.shift import rows_of_groups
from clinometer.encoders.base import Side
from clinometer.errors import LanguageError, UsageError
from clinometer.languages import canonical
from clinometer.vectors import checked_rows

__all__ = ["QueryShift"]

# Below this share of a row's length nothing is left of it.
_NOTHING_LEFT = 1e-6


class QueryShift(Correction):
    """`x - strength * v(l, s)` with `v(l, s) = mean(x_i^l - x_i^s)` over translated texts, for queries in language s.

    Documents in s and queries are not moved, so that plain retrieval within one language cannot change. Embeddings are
    used as they come, without scaling to length one before (many models, such as multilingual-e5, scale them
    themselves), and compared by cosine.

    **How it is folded.** A document becomes `[y_1, ..., y_A] / sqrt(A)`, each block the unit vector of `x - strength *
    v(l, s)` for one of the A languages of queries; a query is `x / |x|` in the block of its language. The product is
    the cosine of the moved document and the query, over `sqrt(A)`, in every block: within one query nothing but a
    common factor. Rows get A times as long; an index for queries in one language (`sources=["en"]`) does not grow.

    Source: the published code of SHIFT (arXiv 2606.18801; repository yjoonjang/SHIFT), which keeps one index for each
    language of queries, fits on translations of mMARCO, and chooses a strength from 0.1 to 1 for each model. The
    folding is ours.
    """

    method: ClassVar[str] = "query-shift"
    lengths_count: ClassVar[bool] = True

    @classmethod
    def fit(
        cls,
        documents: ArrayLike,
        languages: Sequence[str],
        groups: Sequence[Any],
        *,
        strength: float = 1.0,
        sources: Sequence[str] | None = None,
    ) -> Self:
        """Fit on parallel documents; queries are not needed.

        If two languages share no group, their difference goes through a third, with which both share most:
        `v(l, s) = v(l, p) - v(s, p)`. In a sample in which all groups have all languages, that is the same, and never
        needed. `settings["through"]` names these.

        Args:
            documents: `(n, d)` embeddings of sample documents, with the lengths that the encoder gives them.
            languages: Language of each document.
            groups: Parallel group of each document: texts of one group are translations of each other.
            strength: Share of the difference that is subtracted, 0 or more.
            sources: Languages of queries; all languages of the documents by default.

        Returns:
            The correction. Documents of unknown language are moved by the mean over the languages (`unknown="mean"`) or
            not at all (`leave`); a query of unknown language gets the mean of its scores over the languages of queries.

        Raises:
            LanguageError: A language of queries has no documents.
            UsageError: A language shares no group with a language of queries, nor both with a third; a group has two
                texts of one language; or the strength cannot be used.
            EmbeddingError: Rows that cannot be used.

        Example:
            >>> sample = [[1.0, 0.0, 0.0], [0.8, 0.0, 0.6], [0.0, 1.0, 0.0], [0.0, 0.8, 0.6]]
            >>> shift = QueryShift.fit(sample, ["en", "de", "en", "de"], ["a", "a", "b", "b"], sources=["de", "en"])
            >>> shift.apply([[0.8, 0.0, 0.6]], ["de"]).astype(float).round(3).tolist()  # for queries in de, and in en
            [[0.566, 0.0, 0.424, 0.703, 0.078, 0.0]]
            >>> shift.apply_queries([[0.0, 2.0, 0.0]], ["en"]).tolist()
            [[0.0, 0.0, 0.0, 0.0, 1.0, 0.0]]
        """
        checked_strength("strength", strength)
        rows = checked_rows(documents, "documents")
        row_of_group = rows_of_groups(len(rows), languages, groups, "documents")
        labels = tuple(sorted(row_of_group))
        chosen = labels if sources is None else tuple(sorted({canonical(label) for label in sources}))
        if not labels:
            raise UsageError("no document has a parallel group; give translated texts, or use the method center")
        if not chosen:
            raise UsageError("sources is empty; give the languages of queries, or leave it out for all")
        if missing := [label for label in chosen if label not in row_of_group]:
            raise LanguageError(
                f"the documents have no text in {', '.join(missing)} with a parallel group, only in "
                f"{', '.join(labels)}; give translations, or leave the language out of the sources"
            )
        offsets = np.zeros((len(chosen), len(labels) + 1, rows.shape[1]))
        pairs: dict[str, dict[str, int]] = {source: {} for source in chosen}
        through: dict[str, dict[str, str]] = {}
        for block, source in enumerate(chosen):
            for number, label in enumerate(labels):
                if label == source:
                    continue
                partner = _partner(row_of_group, label, source)
                if partner:
                    through.setdefault(source, {})[label] = partner
                offsets[block, number], pairs[source][label] = _difference(rows, row_of_group, label, partner or source)
                if partner:
                    rest, count = _difference(rows, row_of_group, source, partner)
                    offsets[block, number] -= rest
                    pairs[source][label] = min(pairs[source][label], count)
            offsets[block, -1] = offsets[block, :-1].mean(axis=0)
        settings: dict[str, Any] = {"strength": strength, "pairs_fitted": pairs, "through": through}
        return cls(labels, chosen, {"offsets": offsets}, settings)

    def with_strength(self, strength: float) -> Self:
        """The same differences, subtracted at another strength.

        Raises:
            UsageError: The strength is negative or not a number.
        """
        checked_strength("strength", strength)
        return replace(self, settings={**self.settings, "strength": strength})

    def apply_queries(
        self, vectors: ArrayLike, languages: Sequence[str | None] | None = None, *, unknown: Unknown = "refuse"
    ) -> NDArray[np.float32]:
        """Queries in the blocks of their languages; see `Correction.apply_queries`.

        Raises:
            UsageError: `unknown` is `leave`: there are no unmoved documents that such a query could be compared with.
        """
        if unknown == "leave" and languages is not None and self.unknown_rows(languages, "queries"):
            raise UsageError(
                "query-shift holds documents moved for each language of queries, and none unmoved; choose "
                "unknown='mean', or fit it with these languages among the sources"
            )
        return super().apply_queries(vectors, languages, unknown=unknown)

    @property
    def dimension(self) -> int:
        """Length of the rows before the correction."""
        return int(self.arrays["offsets"].shape[2])

    @property
    def output_dimension(self) -> int:
        """Length of the rows after the correction: `dimension` times the number of languages of queries."""
        return self.dimension * len(self.query_languages)

    def _changed(self, rows: NDArray[np.float64], codes: NDArray[np.int64], side: Side) -> NDArray[np.float64]:
        blocks = len(self.query_languages)
        changed = np.zeros((len(rows), blocks, self.dimension))
        if side == "queries":
            for block in range(blocks):
                asked = (codes == block) | (codes == blocks)
                changed[asked, block] = rows[asked]
            return changed.reshape(len(rows), -1)
        nothing = np.zeros((1, self.dimension))
        lengths = np.sqrt(np.einsum("nd,nd->n", rows, rows))
        empty = np.zeros(len(rows), dtype=np.bool_)
        for block in range(blocks):
            # The last row of this table, -1, is for rows that stay unchanged.
            offsets = np.concatenate([self.settings["strength"] * self.arrays["offsets"][block], nothing])
            moved = rows - offsets[codes]
            left = np.sqrt(np.einsum("nd,nd->n", moved, moved))
            empty |= left <= _NOTHING_LEFT * lengths
            changed[:, block] = moved / np.where(left > 0, left, 1.0)[:, None]
        changed[empty] = 0.0
        return changed.reshape(len(rows), -1)

    def _shapes(self) -> dict[str, tuple[int | None, ...]]:
        return {"offsets": (len(self.query_languages), len(self.languages) + 1, self.dimension)}

    def _checked(self) -> Self:
        checked_strength("strength", self.settings["strength"])
        return super()._checked()


def _partner(row_of_group: dict[str, dict[Any, int]], label: str, source: str) -> str:
    """The language through which the difference of two languages goes; empty if they share groups."""

    def shared(first: str, second: str) -> int:
        return len(row_of_group[first].keys() & row_of_group[second].keys())

    if shared(label, source):
        return ""
    counts = {
        other: min(shared(label, other), shared(source, other))
        for other in row_of_group
        if other not in (label, source)
    }
    best = max(counts, key=lambda other: counts[other], default="")
    if not best or not counts[best]:
        raise UsageError(
            f"no text in {label} is a translation of one in {source} among the documents, nor do both have "
            f"translations in a third language; give parallel texts, leave {source} out of the sources, or use the "
            "method center, which needs none"
        )
    return best


def _difference(
    rows: NDArray[np.float64], row_of_group: dict[str, dict[Any, int]], label: str, source: str
) -> tuple[NDArray[np.float64], int]:
    """Mean difference between texts in a language and their translations in another, and the number of pairs."""
    of_source = row_of_group[source]
    pairs = [(row, of_source[group]) for group, row in row_of_group[label].items() if group in of_source]
    texts, translations = (rows[list(side)] for side in zip(*pairs, strict=True))
    return (texts - translations).mean(axis=0), len(pairs)
