"""A TREC run in the place of an encoder: lists that somebody else's search returned, cut off at some depth.

Documents that a list does not name stand below all that it names and tie with each other, for nothing is known of
them. How many answers stand there is said in the results; no rank is made up.
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
from clinometer.scorers.base import ScanOptions, Scored, answers_where
from clinometer.scorers.counting import scan_scores

__all__ = ["RunScorer"]

_AT_ONCE = 1 << 20


class RunScorer:
    """Ranks as a run has them, for any search engine that writes one.

    A list ends somewhere, and the documents beyond its end get the score minus infinity: they are tied, so where an
    answer stands among them is a matter of the tie mode alone (`expected` spreads them evenly, `pessimistic` puts the
    answer last). The results say how many answers were not listed.

    Args:
        run: File of lines `query_id Q0 document_id rank score tag`, `.gz` by suffix, or `{query id: {document id:
            score}}`. Ids are those of the collection. Scores decide, not the ranks of the file, as for trec_eval (which
            keeps them in float32; here they keep all their digits).
        name: How results call it; by default the name of the file.

    Raises:
        FileNotFoundError: The file is not there.
        FormatError: A line is broken.
        UsageError: A score is minus infinity, or the run is empty.

    Example:
        >>> import clinometer as cm
        >>> from clinometer.scorers import RunScorer
        >>> collection = cm.load("demo", languages=["en", "de"])
        >>> lists = {query: {collection.documents.ids[0]: 1.0} for query in collection.queries.ids}
        >>> found = cm.evaluate(collection, RunScorer(lists), scenarios=["multilingual"], measures=["nDCG@1"])
        >>> found.notices[0]
        'run: 596 of 600 answers are not listed; they stand below all listed documents, tied with all others there'
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
                    f"the run lists {bottom[0]!r} for {query!r} with score {scores[bottom[0]]}, below which no other "
                    "document can stand; leave such lines out"
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
        """What is known of the run: name, digest of the file, how many lists of which lengths."""
        return self._record

    def score(self, collection: Collection, options: ScanOptions = ScanOptions()) -> Scored:
        """The scan of the lists.

        Raises:
            CollectionError: None of the run's queries, or none of its documents, is in the collection.
        """
        listed = _Listed(self._lists, collection)
        notices = listed.notices(self._record.name)

        def scan(*, relevant: Any, **request: Any) -> Any:
            found = scan_scores(listed, relevant, show_progress_bar=options.show_progress_bar, **request)
            assert found.ranks is not None  # noqa: S101 - relevant documents are always given
            missing, answers = answers_where(collection, found.ranks, np.isneginf(found.ranks.scores))
            if missing:
                notices.insert(
                    0,
                    f"{self._record.name}: {missing:,} of {answers:,} answers are not listed; they stand below all "
                    "listed documents, tied with all others there",
                )
            return found

        return Scored(scan, msgspec.to_builtins(self._record), "run", notices)


class _Listed:
    """The lists as blocks of rows over all documents of a collection."""

    def __init__(self, lists: Mapping[str, Mapping[str, float]], collection: Collection) -> None:
        self._queries, self._size = collection.queries.ids, len(collection.documents)
        column = {name: number for number, name in enumerate(collection.documents.ids)}
        self.rows: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        self.unknown_queries = self.unknown_documents = 0
        asked = set(self._queries)
        for query, scores in lists.items():
            if query not in asked:
                self.unknown_queries += 1
                continue
            known = [(column[name], float(score)) for name, score in scores.items() if name in column]
            self.unknown_documents += len(scores) - len(known)
            columns, values = zip(*known, strict=True) if known else ((), ())
            self.rows[query] = (np.array(columns, dtype=np.int64), np.array(values, dtype=np.float64))
        for kind, there, example, wanted in (
            ("queries", self.rows, next(iter(lists)), self._queries[0]),
            ("documents", any(len(columns) for columns, _ in self.rows.values()), _first(lists), next(iter(column))),
        ):
            if not there:
                raise CollectionError(
                    f"the run names none of the collection's {kind}: its ids look like {example!r}, the collection's "
                    f"like {wanted!r}; write the run with the collection's ids"
                )

    def notices(self, name: str) -> list[str]:
        """What of the run and the collection does not meet."""
        found = []
        if without := len(self._queries) - len(self.rows):
            found.append(f"{name}: {without:,} of {len(self._queries):,} queries have no list; all documents tie there")
        if self.unknown_queries:
            found.append(f"{name}: {self.unknown_queries:,} lists are of queries that the collection does not have")
        if self.unknown_documents:
            found.append(
                f"{name}: {self.unknown_documents:,} listed documents are not in the collection and are left out"
            )
        return found

    def __iter__(self) -> Iterator[NDArray[np.float64]]:
        step = max(1, _AT_ONCE // self._size)
        for start in range(0, len(self._queries), step):
            here = self._queries[start : start + step]
            block = np.full((len(here), self._size), -np.inf)
            for row, query in enumerate(here):
                if query in self.rows:
                    columns, values = self.rows[query]
                    block[row, columns] = values
            yield block


def _first(lists: Mapping[str, Mapping[str, float]]) -> str:
    return next(document for scores in lists.values() for document in scores)
