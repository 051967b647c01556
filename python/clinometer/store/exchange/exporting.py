"""Export of a store to another format. The store is checked first, so that damage does not spread."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clinometer.errors import UsageError
from clinometer.files import RemotePath, written_together
from clinometer.progress import progress
from clinometer.store.exchange.formats import Format, format_of, is_address, module_of
from clinometer.store.exchange.row_source import USUAL, Columns, Origin, RowBlock
from clinometer.store.reader import EmbeddingStore

__all__ = ["export_store"]


def export_store(
    path: str | os.PathLike[str] | RemotePath,
    target: str | os.PathLike[str],
    *,
    format: Format | None = None,
    metric: str = "ip",
    table: str | None = None,
    columns: Columns = USUAL,
    show_progress_bar: bool = False,
) -> int:
    """Write the rows of a store elsewhere, unchanged: float16 stays float16 if the format has it, codes are decoded.

    Args:
        path: Folder or URL of the store.
        target: New file, or URL of a database, `postgresql://...`. If the format holds vectors only (`safetensors`,
            `faiss`, `npy`), `FILE.jsonl` gets id, language and group of each row. All files appear, or none.
        format: Format of the target; by default from its name.
        metric: Metric of a faiss index, `ip` or `l2`.
        table: New table of pgvector, `NAME` or `SCHEMA.NAME`.
        columns: Names of the table's columns, for pgvector.
        show_progress_bar: Whether to draw a bar on standard error.

    Returns:
        Number of rows written.

    Raises:
        UsageError: The target already exists, or an option is invalid.
        FormatError: The store is damaged or not complete.
        MissingExtraError: The package for the format is not installed.
        ClinometerError: The database reports an error.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from clinometer.encoders import EncoderRecord
        >>> from clinometer.store import StoreWriter
        >>> folder = tempfile.TemporaryDirectory()
        >>> with StoreWriter(f"{folder.name}/s", EncoderRecord(name="m", kind="http"), "documents") as writer:
        ...     writer.append(np.eye(2), ["a", "b"], ["en", "de"])
        >>> export_store(f"{folder.name}/s", f"{folder.name}/s.npy")
        2
        >>> np.load(f"{folder.name}/s.npy").tolist(), Path(f"{folder.name}/s.npy.jsonl").read_text().split()[0]
        ([[1.0, 0.0], [0.0, 1.0]], '{"id":"a","language":"en","group":null}')
        >>> folder.cleanup()
    """
    place = os.fspath(target)
    form = format_of(place, format)
    if metric not in ("ip", "l2"):
        raise UsageError(f"metric is {metric!r}, but must be ip or l2")
    where: str | Path = place
    if not is_address(place):
        where = Path(place)
        if where.exists():
            raise UsageError(f"{where} already exists; choose another name, or delete it")
    store = EmbeddingStore.open(path)
    if not len(store):
        raise UsageError(f"{store.path} has no rows; nothing to export")
    store.verify()
    origin = Origin(stage=store.stage, dtype=store.manifest.dtype, encoder=store.record)
    with (
        progress(len(store), "export", "rows", shown=show_progress_bar) as bar,
        written_together(),
    ):
        module_of(form).write(where, store, origin, _blocks(store, bar), metric=metric, table=table, columns=columns)
    return len(store)


def _blocks(store: EmbeddingStore, bar: Any) -> Iterator[RowBlock]:
    start = 0
    for rows in store.arrays():
        part = slice(start, start + len(rows))
        yield RowBlock(rows, store.ids[part], store.languages[part], store.groups[part])
        start += len(rows)
        bar.update(len(rows))
