"""A TREC run in place of an encoder: truncated lists from any search engine.

What a list does not name was not retrieved: it has no rank, and measures count it as missed, as in trec_eval. The
results give the number of such answers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Collection
from clinometer.encoders.base import EncoderRecord
from clinometer.errors import CollectionError, UsageError
from clinometer.files import file_digest
from clinometer.scanning.counts import TieMode
from clinometer.scorers.base import ScanOptions, Scored, answers_where
from clinometer.scorers.counting import scan_scores

__all__ = ["RunScorer"]

_BLOCK_SCORES = 1 << 20


class RunScorer:
    """Ranks from a run, of any search engine that writes one.

    Answers that are not listed have no rank, as in trec_eval: they add nothing to nDCG, RR, AP, P, R, Success, Complete
    and Max@R norm, and measures of ranks (Max@R, rank gap) have no value without them. In a pool of some languages the
    list is what it names in these languages. The results give the number of answers that are not listed.

    Args:
        run: File of lines `query_id Q0 document_id rank score tag`, packed by suffix, or `{query id: {document id:
            score}}`. Ids are those of the collection. Scores decide, not the ranks of the file, as in trec_eval. With
            `ties="trec"` they are rounded to float32, as trec_eval reads them; else they keep all their digits.
        name: Name in results; by default the name of the file.

    Raises:
        FileNotFoundError: The file does not exist.
        FormatError: A line is malformed.
        UsageError: A score is minus infinity, or the run is empty.

    Example:
        >>> import clinometer as cm
        >>> from clinometer.scorers import RunScorer
        >>> collection = cm.load("demo", languages=["en", "de"])
        >>> lists = {query: {collection.documents.ids[0]: 1.0} for query in collection.queries.ids}
        >>> evaluation = cm.evaluate(collection, RunScorer(lists), scenarios=["multilingual"], measures=["nDCG@1"])
        >>> evaluation.notices[0]
        'run: 596 of 600 answers are not listed; they have no rank and count as missed'
    """

    def __init__(
        self, run: str | os.PathLike[str] | Mapping[str, Mapping[str, float]], *, name: str | None = None
    ) -> None:
        digest = ""
        if isinstance(run, Mapping):
            self._lists: Mapping[str, Mapping[str, float]] = run
        else:
            from clinometer.io.trec import read_run

            self._lists = read_run(os.fspath(run))
            digest = f"sha256:{file_digest(Path(run))}"
            name = Path(run).name if name is None else name
        if not any(self._lists.values()):
            raise UsageError(f"the run {name or ''} lists no document; check the file".replace("  ", " "))
        for query, scores in self._lists.items():
            if bottom := [document for document, score in scores.items() if not score > -np.inf]:
                raise UsageError(
                    f"the run lists {bottom[0]!r} for {query!r} with score {scores[bottom[0]]}, below which no "
                    "document can rank; leave such lines out"
                )
        depths = [len(scores) for scores in self._lists.values()]
        self._record = EncoderRecord(
            name=name or "run",
            kind="run",
            revision=digest,
            dtype="float64",
            settings={"lists": len(depths), "shortest": min(depths), "longest": max(depths)},
        )

    @property
    def record(self) -> EncoderRecord:
        """Record of the run: name, digest of the file, number and lengths of the lists."""
        return self._record

    def score(self, collection: Collection, options: ScanOptions = ScanOptions()) -> Scored:
        """The scan of the lists.

        Raises:
            CollectionError: None of the run's queries, or none of its documents, is in the collection.
        """
        listed = _Listed(self._lists, collection)
        notices = listed.notices(self._record.name)

        def scan(*, relevant: Any, ties: TieMode = "index", **request: Any) -> Any:
            blocks = listed.blocks(rounded=ties == "trec")
            scan_result = scan_scores(
                blocks, relevant, ties=ties, show_progress_bar=options.show_progress_bar, **request
            )
            assert scan_result.ranks is not None  # noqa: S101 - the scanner always gets relevant documents
            missing, answers = answers_where(collection, scan_result.ranks, ~scan_result.ranks.retrieved)
            if missing:
                notices.insert(
                    0,
                    f"{self._record.name}: {missing:,} of {answers:,} answers are not listed; they have no rank and "
                    "count as missed",
                )
            return scan_result

        return Scored(scan, msgspec.to_builtins(self._record), "run", notices, listed.unlisted_queries)


class _Listed:
    """The lists as blocks of rows over all documents of a collection."""

    def __init__(self, lists: Mapping[str, Mapping[str, float]], collection: Collection) -> None:
        self._queries, self._size = collection.queries.ids, len(collection.documents)
        column = {name: number for number, name in enumerate(collection.documents.ids)}
        self.rows: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        self.unknown_queries = self.unknown_documents = 0
        collection_queries = set(self._queries)
        for query, scores in lists.items():
            if query not in collection_queries:
                self.unknown_queries += 1
                continue
            if not scores:
                continue
            known = [(column[name], float(score)) for name, score in scores.items() if name in column]
            self.unknown_documents += len(scores) - len(known)
            columns, values = zip(*known, strict=True) if known else ((), ())
            self.rows[query] = (np.array(columns, dtype=np.int64), np.array(values, dtype=np.float64))
        for kind, any_known, run_id, collection_id in (
            ("queries", bool(self.rows), next(iter(lists)), self._queries[0]),
            ("documents", any(len(columns) for columns, _ in self.rows.values()), _first(lists), next(iter(column))),
        ):
            if not any_known:
                raise CollectionError(
                    f"the run names none of the collection's {kind}: its ids look like {run_id!r}, the collection's "
                    f"like {collection_id!r}; write the run with the collection's ids"
                )

    def notices(self, name: str) -> list[str]:
        """Sentences about parts of the run that the collection lacks, and the other way round."""
        sentences = []
        if self.unknown_queries:
            sentences.append(f"{name}: queries of the run that are not in the collection: {self.unknown_queries:,}")
        if self.unknown_documents:
            sentences.append(
                f"{name}: listed documents that are not in the collection: {self.unknown_documents:,}; they are left "
                "out, and the documents below them move up"
            )
        return sentences

    @property
    def unlisted_queries(self) -> frozenset[str]:
        """Ids of the queries of the collection that have no list."""
        return frozenset(query for query in self._queries if query not in self.rows)

    def blocks(self, *, rounded: bool) -> Iterator[NDArray[np.float64]]:
        """Rows of scores, minus infinity for documents that are not listed; `rounded` to float32, as in trec_eval."""
        step = max(1, _BLOCK_SCORES // self._size)
        for start in range(0, len(self._queries), step):
            queries = self._queries[start : start + step]
            block = np.full((len(queries), self._size), -np.inf)
            for row, query in enumerate(queries):
                if query in self.rows:
                    columns, values = self.rows[query]
                    block[row, columns] = _as_float32(values) if rounded else values
            yield block


def _as_float32(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        single = scores.astype(np.float32)
    # What becomes minus infinity was listed all the same.
    return np.nan_to_num(single.astype(np.float64), posinf=np.inf)


def _first(lists: Mapping[str, Mapping[str, float]]) -> str:
    return next(document for scores in lists.values() for document in scores)
