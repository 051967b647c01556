"""Workloads: synthetic data on disk, read by every contender from the same files.

The same name and numbers give the same bytes. All rows have length one, so that contenders which compare by dot product
and those which compare by cosine do the same work on the same data.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from folder import write_folder
from numpy.typing import NDArray

__all__ = ["MAKERS", "Workload", "make"]

SEED = 2026
RELEVANT = 4  # relevant documents of a query, each in another language
# Cosine of a query with its relevant documents: from easily found to lost in the crowd.
NEARNESS = (0.45, 0.30, 0.20, 0.10)
ROWS_AT_ONCE = 50_000


class Workload:
    """Arrays of one workload, mapped into memory on first use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mapped: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._mapped:
            # Copy on write: the file stays as it is, and torch does not complain of a read-only array.
            self._mapped[name] = np.load(self.folder / f"{name}.npy", mmap_mode="c")
        return self._mapped[name]

    def touch(self) -> None:
        """Read every page of the mapped arrays, so that they count as held before memory is measured."""
        for array in self._mapped.values():
            array.reshape(-1).view(np.uint8)[::2048].max(initial=0)

    def first(self, queries: int | None) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
        """Some queries and their relevant documents: rows, `indptr` and `targets` (CSR)."""
        rows, indptr, targets = self["queries"], np.array(self["indptr"]), np.array(self["targets"])
        count = len(rows) if queries is None else min(queries, len(rows))
        return rows[:count], indptr[: count + 1], targets[: indptr[count]]


def make(kind: str, folder: Path, **numbers: int) -> Workload:
    """Make a workload of a kind in `MAKERS` in a sub-folder of `folder`, unless it is there already."""
    name = "-".join([kind, *(f"{key}{value}" for key, value in sorted(numbers.items()))])
    whole = folder / name
    if not whole.exists():
        partial = folder / f"{name}.partial"
        partial.mkdir(parents=True)
        MAKERS[kind](partial, **numbers)
        partial.rename(whole)
    return Workload(whole)


def _pool(folder: Path, queries: int, documents: int, dimension: int, languages: int = 8) -> None:
    """Random directions, and for each query four planted relevant documents in four of the languages."""
    rng = np.random.default_rng(SEED)
    asked = _unit(rng.standard_normal((queries, dimension), dtype=np.float32))
    codes = np.arange(documents, dtype=np.int64) % languages
    # One slot of `languages` neighbouring rows holds one row of each language.
    slots = np.sort(rng.choice(documents // languages, queries, replace=False))
    offsets = (np.arange(queries)[:, None] + np.arange(RELEVANT)) % languages
    targets = slots[:, None] * languages + offsets
    pool = np.lib.format.open_memmap(folder / "documents.npy", "w+", np.float32, (documents, dimension))
    halves = np.lib.format.open_memmap(folder / "halves.npy", "w+", np.float16, (documents, dimension))
    for start in range(0, documents, ROWS_AT_ONCE):
        rows = _unit(rng.standard_normal((min(ROWS_AT_ONCE, documents - start), dimension), dtype=np.float32))
        query, which = np.nonzero((targets >= start) & (targets < start + len(rows)))
        near = np.array(NEARNESS, dtype=np.float32)[which, None]
        here = targets[query, which] - start
        rows[here] = _unit(near * asked[query] + np.sqrt(1 - near**2) * rows[here])
        pool[start : start + len(rows)] = rows
        halves[start : start + len(rows)] = rows
    pool.flush()
    halves.flush()
    np.save(folder / "queries.npy", asked)
    np.save(folder / "codes.npy", codes)
    np.save(folder / "indptr.npy", np.arange(queries + 1, dtype=np.int64) * RELEVANT)
    np.save(folder / "targets.npy", targets.reshape(-1).astype(np.int64))


def _translations(folder: Path, languages: int, passages: int, questions: int, dimension: int, asked_in: int) -> None:
    """XQuAD's shape: passages and questions in several languages, all translations of the right passage relevant.

    Documents and queries are grouped by language; queries are in the first `asked_in` languages.
    """
    rng = np.random.default_rng(SEED)
    meanings = rng.standard_normal((passages, dimension), dtype=np.float32)
    accents = rng.standard_normal((languages, 1, dimension), dtype=np.float32)

    def said(meaning: NDArray[np.float32], spoken: int) -> NDArray[np.float32]:
        noise = rng.standard_normal((spoken, len(meaning), dimension), dtype=np.float32)
        return _unit((meaning + 0.5 * accents[:spoken] + noise).reshape(-1, dimension))

    passage = np.sort(rng.integers(0, passages, questions))
    targets = np.tile(passage[:, None] + passages * np.arange(languages), (asked_in, 1))
    np.save(folder / "documents.npy", said(meanings, languages))
    np.save(folder / "queries.npy", said(meanings[passage], asked_in))
    np.save(folder / "codes.npy", np.repeat(np.arange(languages, dtype=np.int64), passages))
    np.save(folder / "indptr.npy", np.arange(questions * asked_in + 1, dtype=np.int64) * languages)
    np.save(folder / "targets.npy", targets.reshape(-1).astype(np.int64))


def _lists(folder: Path, queries: int, depth: int, documents: int, languages: int = 8) -> None:
    """Result lists as a search returns them, and the ranks of four relevant documents of each query.

    Ranks are spread evenly on a log scale over the whole pool; those within the depth stand in the list.
    """
    rng = np.random.default_rng(SEED)
    ids = np.empty((queries, depth), dtype=np.int64)
    targets = np.empty((queries, RELEVANT), dtype=np.int64)
    ranks = np.empty((queries, RELEVANT), dtype=np.int64)
    for query in range(queries):
        drawn: set[int] = set()
        while len(drawn) < RELEVANT:
            drawn.add(int(documents ** rng.random()))
        ranks[query] = sorted(drawn)
        # An odd stride from a random start never meets the same document twice in a pool of even size.
        stride, start = 2 * int(rng.integers(1, documents // (2 * depth + 10))) + 1, int(rng.integers(documents))
        drawn_ids = (start + stride * np.arange(depth + RELEVANT)) % documents
        ids[query], targets[query] = drawn_ids[:depth], drawn_ids[depth:]
        listed = ranks[query] <= depth
        ids[query, ranks[query, listed] - 1] = targets[query, listed]
    greater = np.zeros((queries * RELEVANT, languages), dtype=np.uint32)
    above = (ranks - 1).reshape(-1)
    for code in range(languages):
        greater[:, code] = above // languages + (code < above % languages)
    np.save(folder / "ids.npy", ids)
    np.save(folder / "scores.npy", np.tile(np.linspace(1, 0.5, depth, dtype=np.float32), (queries, 1)))
    np.save(folder / "greater.npy", greater)
    np.save(folder / "codes.npy", targets.reshape(-1) % languages)
    np.save(folder / "indptr.npy", np.arange(queries + 1, dtype=np.int64) * RELEVANT)
    np.save(folder / "targets.npy", targets.reshape(-1))


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _folder(folder: Path, queries: int, documents: int, dimension: int) -> None:
    """The pool of `_pool` with texts in a folder `texts` in BEIR's layout; query i has the relevant rows of its CSR."""
    _pool(folder, queries, documents, dimension)
    write_folder(folder / "texts", documents, np.load(folder / "indptr.npy"), np.load(folder / "targets.npy"))


MAKERS = {"pool": _pool, "translations": _translations, "lists": _lists, "folder": _folder}
