"""Judgements alone, without texts: which of the stored documents answer which of the stored queries.

The suffix says the format: `.tsv` is BEIR's table, `.jsonl` one object a line, anything else TREC's qrels; all also as
`.gz`.
"""

from __future__ import annotations

from pathlib import Path

from clinometer.io.beir import tsv_judgements
from clinometer.io.rows import jsonl_rows
from clinometer.io.textfiles import require_file
from clinometer.io.trec import read_qrels

__all__ = ["read_judgements"]


def read_judgements(path: str | Path) -> dict[str, dict[str, int]]:
    """Judgements as `{query_id: {document_id: grade}}`, in the file's order.

    A document is relevant from grade 1 on.

    Args:
        path: TREC: `query_id 0 document_id grade`. `.tsv`: a first line `query-id`, `corpus-id`, `score`, with tabs
            between. `.jsonl`: objects with `query_id`, `document_id` (or `doc_id`) and perhaps `grade`, 1 by default.

    Raises:
        FileNotFoundError: The file is not there.
        FormatError: A line is broken, or judges a pair again.
    """
    path = require_file(path)
    suffix = Path(path.name.removesuffix(".gz")).suffix
    if suffix == ".tsv":
        found = ((row, row.fields["query-id"], row.fields["corpus-id"], grade) for row, grade in tsv_judgements(path))
    elif suffix == ".jsonl":
        found = (
            (
                row,
                row.field("query_id", str),
                row.optional("doc_id", str) or row.field("document_id", str),
                1 if (grade := row.optional("grade", int)) is None else grade,
            )
            for row in jsonl_rows(path)
        )
    else:
        return read_qrels(path)
    judged: dict[str, dict[str, int]] = {}
    for row, query, document, grade in found:
        grades = judged.setdefault(query, {})
        if document in grades:
            raise row.error(f"document {document!r} is judged twice for query {query!r}; keep one of the lines")
        grades[document] = grade
    return judged
