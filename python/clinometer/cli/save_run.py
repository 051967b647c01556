"""`clinometer evaluate --save-run`: the ranking in the pool of all languages as a TREC run."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from clinometer.collection import Collection
from clinometer.encoders import Encoder
from clinometer.encoders.keeping import KeepingEncoder
from clinometer.errors import UsageError

__all__ = ["SaveRun", "check_run", "keeping", "save_run"]

DEPTH = 1000
"""Documents that are kept for a query, as is the custom at TREC."""

SaveRun = Annotated[
    Path | None,
    typer.Option(
        "--save-run", metavar="FILE", help="TREC run: the best 1000 of all languages for each query; .gz by suffix."
    ),
]


def check_run(collection: Collection, path: Path) -> None:
    """Refuse, before the work, what cannot be written.

    Raises:
        UsageError: An id has white space.
        FileNotFoundError: The folder of the file does not exist.
    """
    from clinometer.io.trec import refuse_white_space

    refuse_white_space(collection.documents.ids, "document id")
    refuse_white_space(collection.queries.ids, "query id")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} does not exist; make it before writing {path.name}")


def keeping(made: Any) -> KeepingEncoder:
    """The encoder, such that its embeddings can be searched after the evaluation.

    Raises:
        UsageError: It gives no embeddings, or they are stored.
    """
    if not isinstance(made, Encoder):
        raise UsageError("--save-run is for encoders; of stored embeddings, clinometer scan -k 1000 writes a run")
    return KeepingEncoder(made)


def save_run(collection: Collection, encoder: KeepingEncoder, path: Path, threads: int | None) -> None:
    """Search the pool of all languages and write the run, ties in trec_eval's order, whatever that of the results."""
    from clinometer.io.trec import run_of, write_run
    from clinometer.scanning.scan import search

    ids = collection.documents.ids
    depth = min(DEPTH, len(ids))
    top = search(encoder.queries, encoder.documents, k=depth, ties="trec", document_ids=ids, threads=threads)
    tag = re.sub(r"\s+", "-", encoder.record.name.strip()) or "clinometer"
    write_run(path, run_of(top, collection.queries.ids, ids), tag)
    sys.stderr.write(f"wrote the best {depth} documents of {len(top.ids):,} queries to {path}\n")
