"""TREC files, as trec_eval reads them: judgements (`qrels`) and ranked results (`run`), plain or packed.

What is written reads back equal, order included: equal scores are in trec_eval's order, document id descending.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, SupportsFloat, TypeVar

import numpy as np

from clinometer.collection import Collection
from clinometer.contents import not_utf8, numbered_lines
from clinometer.errors import FormatError, UsageError
from clinometer.io.grades import whole_grade
from clinometer.io.rows import Row
from clinometer.io.textfiles import require_file, write_lines
from clinometer.numerals import read_score
from clinometer.scanning.counts import TopK

__all__ = ["qrels_of", "read_qrels", "read_run", "refuse_white_space", "run_of", "write_qrels", "write_run"]

V = TypeVar("V")


def read_qrels(path: str | Path) -> dict[str, dict[str, int]]:
    """Judgements, lines of `query_id 0 document_id grade`, as `{query_id: {document_id: grade}}` in the file's order.

    A document is relevant from grade 1 on; negative grades are kept. Lines that begin with `#` are comments, as in
    trec_eval 10.

    Raises:
        FileNotFoundError: The file does not exist.
        FormatError: A line is broken, or a pair is judged twice.
    """
    qrels: dict[str, dict[str, int]] = {}
    for number, cells in _cells(path, ("query id", "0", "document id", "grade")):
        grade = whole_grade(cells[3], Row({}, path, number), "grade")
        _put(qrels, cells[0], cells[2], grade, path, number)
    return qrels


def read_run(path: str | Path) -> dict[str, dict[str, float]]:
    """Ranked results, lines of `query_id Q0 document_id rank score tag`, as `{query_id: {document_id: score}}`.

    The ranks of the file are ignored, as trec_eval does: documents come by score descending, then document id
    descending. trec_eval keeps scores as float32, so it treats scores that differ only beyond that as ties. Lines that
    begin with `#` are comments, and what follows the tag is ignored, as in trec_eval 10.

    Raises:
        FileNotFoundError: The file does not exist.
        FormatError: A line is broken, a score is not a number, or a document is repeated for a query.
    """
    run: dict[str, dict[str, float]] = {}
    for number, cells in _cells(path, ("query id", "Q0", "document id", "rank", "score", "tag"), more=True):
        try:
            score = read_score(cells[4])
        except ValueError:
            score = math.nan
        if math.isnan(score):
            raise FormatError(path, number, f"the score is {cells[4]!r}, but it should be a number")
        _put(run, cells[0], cells[2], score, path, number)
    # Python compares strings by code point, which is the order of their UTF-8 bytes and so that of C's strcmp.
    return {
        query: dict(sorted(scores.items(), key=lambda item: (item[1], item[0]), reverse=True))
        for query, scores in run.items()
    }


def write_qrels(path: str | Path, qrels: Mapping[str, Mapping[str, int]]) -> None:
    """Write judgements, lines of `query_id 0 document_id grade`, in the order of `qrels`; packed by suffix.

    The file is written completely or not at all.

    Raises:
        UsageError: An id is empty, has white space or makes a line a comment, or a grade is not a whole number.
        FileNotFoundError: The folder does not exist.
    """

    def lines() -> Iterator[str]:
        for query, grades in qrels.items():
            refuse_white_space([query], "query id")
            refuse_white_space(grades, "document id")
            for document, grade in grades.items():
                if not isinstance(grade, (int, np.integer)):
                    raise UsageError(
                        f"the grade of {document!r} for {query!r} is {grade!r}, but grades are whole numbers"
                    )
                yield f"{query} 0 {document} {int(grade)}"

    write_lines(path, lines())


def write_run(
    path: str | Path,
    run: Mapping[str, Mapping[str, SupportsFloat]],
    tag: str,
    tie_break: Literal["trec", "index"] = "trec",
) -> None:
    """Write ranked results, lines of `query_id Q0 document_id rank score tag`; packed by suffix.

    Ranks count from 1. Scores have the digits that their type (NumPy's float32, else float64) needs to read back equal.
    The file is written completely or not at all.

    Args:
        path: File to write.
        run: `{query_id: {document_id: score}}`; a higher score is better.
        tag: Name of the run.
        tie_break: Order of equal scores. `trec`: document id descending, which is how trec_eval reads them regardless
            of the file. `index`: the order of `run`, for programs that use the ranks in the file; trec_eval and
            `read_run` reorder such ties.

    Raises:
        UsageError: An id or the tag is empty, has white space or makes a line a comment, a score is not a number, or
            the tie break is unknown.
        FileNotFoundError: The folder does not exist.
    """
    if tie_break not in ("trec", "index"):
        raise UsageError(f"tie_break is {tie_break!r}, but it should be 'trec' or 'index'")
    refuse_white_space([tag], "tag")

    def lines() -> Iterator[str]:
        for query, scores in run.items():
            refuse_white_space([query], "query id")
            refuse_white_space(scores, "document id")
            digits_of_documents = []
            for document, score in scores.items():
                digits = str(score) if isinstance(score, np.floating) else repr(float(score))
                if math.isnan(float(digits)):
                    raise UsageError(f"the score of {document!r} for {query!r} is not a number; leave the document out")
                digits_of_documents.append((document, digits))
            if tie_break == "trec":
                digits_of_documents.sort(reverse=True)
            # By the digits, because readers compare those; a stable sort keeps the order of ties.
            digits_of_documents.sort(key=lambda item: -float(item[1]))
            for rank, (document, digits) in enumerate(digits_of_documents, start=1):
                yield f"{query} Q0 {document} {rank} {digits} {tag}"

    write_lines(path, lines())


def qrels_of(collection: Collection) -> dict[str, dict[str, int]]:
    """The judgements of a collection as `{query_id: {document_id: grade}}`; queries without any are left out."""
    ids = collection.documents.ids
    qrels = {}
    for row, query in enumerate(collection.queries.ids):
        span = slice(collection.indptr[row], collection.indptr[row + 1])
        judged = zip(collection.judged[span].tolist(), collection.grades[span].tolist(), strict=True)
        if grades := {ids[document]: grade for document, grade in judged}:
            qrels[query] = grades
    return qrels


def run_of(top: TopK, query_ids: Sequence[str], document_ids: Sequence[str]) -> dict[str, dict[str, np.float32]]:
    """Lists of best documents as a run, `{query_id: {document_id: score}}`, best first.

    Args:
        top: Lists of one pool; for lists per language, call `TopK.pool` first.
        query_ids: Ids of the queries, one per list.
        document_ids: Ids of the documents, one per document of the pool.

    Raises:
        UsageError: The lists are per language.

    Example:
        >>> import clinometer as cm
        >>> documents = np.eye(2, dtype=np.float32)
        >>> run_of(cm.search(documents[:1], documents, k=2), ["q"], ["a", "b"])
        {'q': {'a': np.float32(1.0), 'b': np.float32(0.0)}}
    """
    if top.languages is not None:
        raise UsageError("these lists are per language, but a run has one list per query; choose a pool with TopK.pool")
    run = {}
    for query, rows, scores in zip(query_ids, top.ids.tolist(), top.scores, strict=True):
        run[query] = {document_ids[row]: score for row, score in zip(rows, scores, strict=True) if row >= 0}
    return run


def refuse_white_space(ids: Iterable[str], what: str) -> None:
    """Refuse ids that a TREC file cannot hold, before any work is done."""
    for name in ids:
        if not isinstance(name, str):
            raise UsageError(f"the {what} {name!r} is {type(name).__name__}, but it should be a string")
        if not name or any(letter.isspace() for letter in name):
            raise UsageError(
                f"the {what} {name!r} is empty or has white space, which TREC files cannot hold; rename it"
            )
        if what == "query id" and name.startswith(("#", "\ufeff")):
            raise UsageError(
                f"the query id {name!r} begins with '#', which marks a comment, or with a byte-order mark; rename it"
            )


def _cells(path: str | Path, columns: tuple[str, ...], *, more: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and cells without comments; cells are split at ASCII white space, as C programs do.

    Args:
        path: File.
        columns: Names of the columns, for the message.
        more: Whether text may follow the last column.
    """
    for number, raw in numbered_lines(require_file(path)):
        if raw.startswith(b"#"):
            continue
        try:
            cells = [cell.decode() for cell in raw.split()]
        except UnicodeDecodeError as error:
            raise FormatError(path, number, not_utf8(error)) from error
        if not cells:
            continue
        if len(cells) < len(columns) or (len(cells) > len(columns) and not more):
            expected = ", ".join(columns)
            raise FormatError(path, number, f"{len(cells)} columns, but expected {len(columns)}: {expected}")
        yield number, cells[: len(columns)]


def _put(table: dict[str, dict[str, V]], query: str, document: str, value: V, path: str | Path, number: int) -> None:
    entries = table.setdefault(query, {})
    if document in entries:
        raise FormatError(path, number, f"document {document!r} is repeated for query {query!r}; keep one of the lines")
    entries[document] = value
