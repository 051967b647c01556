"""Results of batches of queries over one pool, put together as they come, so that no batch is in memory twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from clinometer.scanning.counts import COUNT_COLUMNS, TopK
from clinometer.scanning.passes import Scan
from clinometer.scanning.widths import Stacked

__all__ = ["Batches", "result_bytes", "stack_lists"]

_LIST_BYTES, _COUNT_BYTES, _ROW_BYTES = 20, 12, 28
"""Bytes of an entry of a list, of the counts of a relevant document in a language, and of its other columns."""

_LIST_COLUMNS = ("ids", "scores", "places")


def result_bytes(queries: int, relevant: int, languages: int, entries: int) -> int:
    """Bytes of the result of a scan.

    Args:
        queries: Number of queries.
        relevant: Number of relevant documents of all queries.
        languages: Number of languages of the pool.
        entries: Number of entries of all lists of a query.

    Example:
        >>> result_bytes(1000, 1000, 1, 100)
        2040000
    """
    return queries * entries * _LIST_BYTES + relevant * (languages * _COUNT_BYTES + _ROW_BYTES)


class Batches:
    """The scan of all queries from those of consecutive batches.

    Args:
        queries: Number of all queries.
        rows: Number of their relevant documents.
    """

    def __init__(self, queries: int, rows: int) -> None:
        self._queries, self._rows = queries, rows
        self._first: Scan | None = None
        self._query = self._row = self._rescored = 0
        self._stacked = Stacked()

    def add(self, part: Scan) -> None:
        """Take the scan of the next batch."""
        if self._first is None:
            self._first = part
        self._rescored += part.rescored
        lists = {name: getattr(part, name) for name in ("top", "pooled") if getattr(part, name) is not None}
        queries = max((len(top.ids) for top in lists.values()), default=0)
        if part.ranks is not None:
            queries = len(part.ranks.indptr) - 1
        if queries == self._queries and not self._stacked.columns:
            return  # one batch is the whole
        for kind, top in lists.items():
            for name in _LIST_COLUMNS:
                self._stacked.put(f"{kind} {name}", getattr(top, name), self._query, self._queries)
        if part.ranks is not None:
            for name in COUNT_COLUMNS:
                self._stacked.put(name, getattr(part.ranks, name), self._row, self._rows)
            self._stacked.put("indptr", part.ranks.indptr[1:] + self._row, self._query, self._queries)
            self._row += len(part.ranks.documents)
        self._query += queries

    def result(self) -> Scan:
        """The scan of all queries."""
        first = self._first
        assert first is not None  # noqa: S101 - there is at least one query
        stacked = self._stacked.columns
        if not stacked:
            return first
        ranks = first.ranks
        if ranks is not None:
            columns: dict[str, Any] = {name: stacked[name] for name in COUNT_COLUMNS}
            ranks = replace(ranks, indptr=np.concatenate([[0], stacked["indptr"]]), **columns)
        return Scan(ranks, self._lists("top"), self._rescored, self._lists("pooled"))

    def _lists(self, kind: str) -> TopK | None:
        top: TopK | None = getattr(self._first, kind)
        if top is None:
            return None
        ids, scores, places = (self._stacked.columns[f"{kind} {name}"] for name in _LIST_COLUMNS)
        return TopK(ids, scores, places, top.languages)


def stack_lists(parts: list[TopK]) -> TopK | None:
    """The lists of several batches of queries over one pool, in order; None without any."""
    if not parts:
        return None
    batches = Batches(sum(len(part.ids) for part in parts), 0)
    for part in parts:
        batches.add(Scan(None, part))
    return batches.result().top
