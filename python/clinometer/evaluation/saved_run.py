"""The ranking of an evaluation in the pool of all languages as a TREC run, from the same scan as the measures."""

from __future__ import annotations

import os
import re
from pathlib import Path

from clinometer.collection import Collection
from clinometer.errors import MissingFileError, UsageError
from clinometer.files import check_target
from clinometer.scenarios.scanned import ScannedCollection

__all__ = ["RUN_DEPTH", "check_run", "save_run"]

RUN_DEPTH = 1000
"""Number of documents of each query, as usual at TREC."""


def check_run(collection: Collection, path: str | os.PathLike[str]) -> None:
    """Refuse a run that cannot be written, before the work.

    Raises:
        UsageError: An id has white space, or a folder has the name.
        FileNotFoundError: The folder of the file does not exist.
        OSError: The folder cannot be written to.
    """
    # Imported here, as readers are: most evaluations write no run.
    from clinometer.io.trec import refuse_white_space

    path = Path(path)
    refuse_white_space(collection.documents.ids, "document id")
    refuse_white_space(collection.queries.ids, "query id")
    if not path.parent.is_dir():
        raise MissingFileError(f"the folder {path.parent} does not exist; create it before writing {path.name}")
    check_target(path)


def save_run(scanned: ScannedCollection, name: str, path: str | os.PathLike[str]) -> None:
    """Write the best documents of each query; of documents that tie at the end of a list, the scan's tie order decides.

    Args:
        scanned: A scan with lists of the pool of all languages.
        name: Name of the scorer, which becomes the run's tag.
        path: File of the run; packed by suffix.

    Raises:
        UsageError: The scorer does not return such lists.
    """
    from clinometer.io.trec import run_of, write_run

    if scanned.pooled is None:
        raise UsageError(f"{name} returned no list of the whole pool, so its run cannot be written; leave save_run out")
    tag = re.sub(r"\s+", "-", name.strip()) or "clinometer"
    collection = scanned.collection
    write_run(Path(path), run_of(scanned.pooled, collection.queries.ids, collection.documents.ids), tag)
