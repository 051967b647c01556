"""Judgements alone, without texts: which stored documents are relevant to which stored queries.

The suffix gives the format: `.tsv` is a table whose first line says whether it is BEIR's or TREC's, `.jsonl` one object
a line, anything else TREC's qrels; `.gz` or `.zst` may follow.
"""

from __future__ import annotations

from pathlib import Path

from clinometer.files.packed import unpacked_name
from clinometer.io.beir import tsv_judgements
from clinometer.io.grades import whole_grade
from clinometer.io.retrieval import add_judgement
from clinometer.io.rows import jsonl_rows
from clinometer.io.textfiles import require_file
from clinometer.io.trec import read_qrels

__all__ = ["read_judgements"]


def read_judgements(path: str | Path) -> dict[str, dict[str, int]]:
    """Judgements as `{query_id: {document_id: grade}}`, in the file's order.

    A document is relevant from grade 1 on.

    Args:
        path: File of judgements. TREC: `query_id 0 document_id grade`; lines that begin with `#` are comments. `.tsv`:
            columns `query-id`, `corpus-id`, `score`, separated by tabs and named in the first line or not, or TREC's
            four columns, as MIRACL's and CIRAL's files have. `.jsonl`: objects with `query_id`, `document_id` (or
            `doc_id`) and optionally `grade`, 1 by default; ids may be numbers.

    Raises:
        FileNotFoundError: The file does not exist.
        FormatError: A line is broken, or a pair is judged twice.
    """
    path = require_file(path)
    suffix = Path(unpacked_name(path.name)).suffix
    if suffix == ".tsv":
        rows = ((row, row.fields["query-id"], row.fields["corpus-id"], grade) for row, grade in tsv_judgements(path))
    elif suffix == ".jsonl":
        rows = (
            (
                row,
                row.id("query_id"),
                row.optional_id("doc_id") or row.id("document_id"),
                1 if (grade := row.fields.get("grade")) is None else whole_grade(grade, row, "grade"),
            )
            for row in jsonl_rows(path)
        )
    else:
        return read_qrels(path)
    judgements: dict[str, dict[str, int]] = {}
    for row, query, document, grade in rows:
        add_judgement(judgements, query, document, grade, row)
    return judgements
