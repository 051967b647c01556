"""Many pools from one scan: documents that belong to the same pools are one stratum, and counts add up over strata.

A scan counts by label. With a label of language and stratum for each document, the counts in any of the pools are sums
of columns: the same integers as in a scan of that pool alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinometer.scanning.counts import RankCounts, TopK
from clinometer.scanning.widths import Narrow, narrow

__all__ = ["Strata", "layers_of", "lists_in", "ranks_in", "strata_of"]


class Strata(NamedTuple):
    """Documents grouped by language and by the pools that they belong to.

    Args:
        labels: `(N,)`: label of each document for the scan, such as `de|3`.
        languages: Language of each label.
        in_pool: `(P,)` for each label: True for those of the P pools that have its documents.
    """

    labels: NDArray[np.str_]
    languages: dict[str, str]
    in_pool: dict[str, NDArray[np.bool_]]

    def labels_in(self, pool: int, language: str) -> list[str]:
        """The labels of one language in a pool."""
        return [label for label, pools in self.in_pool.items() if pools[pool] and self.languages[label] == language]


def strata_of(languages: Sequence[str] | NDArray[np.str_], members: Sequence[NDArray[np.bool_]]) -> Strata:
    """The strata of some pools.

    Args:
        languages: `(N,)`: language of each document.
        members: `(N,)` for each pool: True for its documents.

    Example:
        >>> strata = strata_of(["en", "en", "de"], [np.array([True, False, True]), np.array([True, True, True])])
        >>> strata.labels.tolist(), strata.labels_in(0, "en"), strata.labels_in(1, "en")
        (['en|1', 'en|0', 'de|1'], ['en|1'], ['en|0', 'en|1'])
    """
    names, code = np.unique(np.asarray(languages, dtype=np.str_), return_inverse=True)
    pattern = np.zeros(len(code), dtype=np.int64)
    for mask in members:
        # Renumbered at each step, or the numbers would overflow.
        pattern = np.unique(2 * pattern + mask, return_inverse=True)[1]
    _, firsts, inverse = np.unique(
        code * (pattern.max(initial=0) + 1) + pattern, return_index=True, return_inverse=True
    )
    labels = np.array([f"{names[code[row]]}|{pattern[row]}" for row in firsts], dtype=np.str_)
    return Strata(
        labels[inverse],
        {str(label): str(names[code[row]]) for label, row in zip(labels, firsts, strict=True)},
        {
            str(label): np.array([mask[row] for mask in members], dtype=np.bool_)
            for label, row in zip(labels, firsts, strict=True)
        },
    )


def layers_of(languages: Sequence[str] | NDArray[np.str_], first: Sequence[Mapping[str, int]]) -> Strata:
    """The strata of pools that each have the first documents of some languages.

    Args:
        languages: `(N,)`: language of each document.
        first: Number of documents of each language in each pool; 0 for a language that is not named.

    Example:
        >>> layers = layers_of(["en", "de", "en", "de"], [{"en": 1}, {"en": 2, "de": 1}])
        >>> layers.labels.tolist(), layers.labels_in(1, "en")
        (['en|0', 'de|0', 'en|1', 'de|1'], ['en|0', 'en|1'])
    """
    names, code = np.unique(np.asarray(languages, dtype=np.str_), return_inverse=True)
    strata = Strata(np.empty(len(code), dtype=f"<U{max(map(len, names.tolist()), default=0) + 12}"), {}, {})
    for language_code, name in enumerate(names.tolist()):
        rows = np.flatnonzero(code == language_code)
        cuts = np.array(sorted({pool.get(name, 0) for pool in first} | {0}), dtype=np.int64)
        # A stratum is between two cuts; the last is beyond all pools.
        stratum = np.searchsorted(cuts, np.arange(len(rows)), side="right") - 1
        for number in np.unique(stratum).tolist():
            label = f"{name}|{number}"
            strata.labels[rows[stratum == number]] = label
            strata.languages[label] = name
            strata.in_pool[label] = np.array([pool.get(name, 0) > cuts[number] for pool in first], dtype=np.bool_)
    return strata


def ranks_in(
    ranks: RankCounts,
    strata: Strata,
    pool: int,
    languages: Sequence[str],
    rows: NDArray[np.int64],
    indptr: NDArray[np.int64],
) -> RankCounts:
    """The counts in one pool, by language.

    Args:
        ranks: Counts of the scan, by label.
        strata: Strata of the labels.
        pool: Number of the pool.
        languages: Languages of the result; the pool has documents in each.
        rows: Rows of `ranks` in the order of the result; their documents must be in the pool.
        indptr: `(Q + 1,)`: boundaries of the queries within these rows.
    """
    column_of = {label: position for position, label in enumerate(ranks.languages)}
    columns = [
        [column_of[label] for label in strata.labels_in(pool, language) if label in column_of] for language in languages
    ]
    code = {language: position for position, language in enumerate(languages)}
    language_of = np.array([code.get(strata.languages[label], -1) for label in ranks.languages], dtype=np.int64)

    def summed(counts: Narrow) -> Narrow:
        sums = [counts[rows][:, columns_of_language].sum(axis=1, dtype=np.uint32) for columns_of_language in columns]
        return narrow(np.stack(sums, axis=1))

    sizes = ranks.pool_sizes
    return replace(
        ranks,
        indptr=indptr,
        documents=ranks.documents[rows],
        codes=language_of[ranks.codes[rows]],
        scores=ranks.scores[rows],
        greater=summed(ranks.greater),
        equal=summed(ranks.equal),
        before=summed(ranks.before),
        languages=tuple(languages),
        pool_sizes=None if sizes is None else np.array([sizes[part].sum() for part in columns], dtype=np.int64),
    )


def lists_in(top: TopK, strata: Strata, pool: int, languages: Sequence[str], queries: NDArray[np.int64]) -> TopK:
    """The best documents of each language in one pool, for some of the queries; positions are those of the scan."""
    scan_labels = set(top.languages or ())
    parts = [
        top.pool([label for label in strata.labels_in(pool, language) if label in scan_labels])
        for language in languages
    ]
    ids, scores, positions = (
        np.stack([getattr(part, name)[queries] for part in parts], axis=1) for name in ("ids", "scores", "places")
    )
    return TopK(ids, scores, positions, tuple(languages))
