"""A store out of another form. It stands under its name when all of it is there, and not before."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec
from tqdm.auto import tqdm

from clinometer.encoders.base import EncoderRecord
from clinometer.errors import UsageError
from clinometer.store.encoding import default_shard_rows
from clinometer.store.exchange.forms import Format, format_of, is_address, module_of
from clinometer.store.exchange.rowblocks import USUAL, Block, Columns, Source, of_one_dimension, present, regrouped
from clinometer.store.manifest import DTYPES, STAGES, Dtype, Stage
from clinometer.store.reader import EmbeddingStore
from clinometer.store.writer import StoreWriter

__all__ = ["import_store"]


def import_store(
    sources: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    format: Format | None = None,
    encoder_name: str | None = None,
    stage: Stage | None = None,
    dtype: Dtype | None = None,
    language: str | None = None,
    table: str | None = None,
    columns: Columns = USUAL,
    rows_file: str | os.PathLike[str] | None = None,
    shard_rows: int | None = None,
    show_progress_bar: bool = False,
) -> EmbeddingStore:
    """Make a store of rows that lie elsewhere, as they are. Of the rows, one shard is in memory at a time.

    The record of the encoder is the one that clinometer wrote when it exported the rows. Where there is none, or
    `encoder_name` is given, it is of kind `imported`, and says that revision, prompts and longest input are not known.

    Args:
        sources: A file, several that follow one another, a folder of parquet files (in the order of their names), or
            the address of a database, `postgresql://...`.
        output: Folder of the new store.
        format: By default what the name of the source says.
        encoder_name: What made the embeddings; needed where the source does not say. Stores are taken to be of one
            encoder if they have one name, so a name should tell model and prompt apart from all others.
        stage: `documents` or `queries`; by default what the source says, else documents.
        dtype: Stored data type; by default what the source says, else that of its numbers.
        language: Of rows that name none.
        table: For pgvector: `NAME` or `SCHEMA.NAME` of a table or view.
        columns: What the columns are called (parquet, pgvector), or the tensor (safetensors).
        rows_file: For vectors without ids: the file with id, language and group of each, if not `FILE.jsonl`.
        shard_rows: Rows of one shard; by default as for `clinometer encode`.
        show_progress_bar: Draw a bar on standard error.

    Returns:
        The new store.

    Raises:
        UsageError: The output is in use, the encoder's name is missing, or an option cannot be used.
        FormatError: A source is not of its form, or columns are missing.
        EmbeddingError: Rows without embedding, zero, NaN, infinite or of another dimension; the ids are named.
        CollectionError: Rows without id or language, or ids that are there twice.
        MissingExtraError: The package for the form is not installed.
        ClinometerError: The database refuses.

    Example:
        >>> import tempfile, numpy as np
        >>> folder = tempfile.TemporaryDirectory()
        >>> np.save(f"{folder.name}/v.npy", np.eye(2, dtype=np.float16))
        >>> with open(f"{folder.name}/v.npy.jsonl", "w") as file:
        ...     _ = file.write('{"id": "a", "language": "en"}\\n{"id": "b", "language": "de"}\\n')
        >>> store = import_store(f"{folder.name}/v.npy", f"{folder.name}/s", encoder_name="ours, no prompt")
        >>> store.ids, store.dtype, store.record.kind
        (('a', 'b'), dtype('float16'), 'imported')
        >>> store.record.warnings
        ['imported from v.npy (npy): revision, prompts and longest input of the encoder are not known']
        >>> folder.cleanup()
    """
    for option, value, choices in (("stage", stage, STAGES), ("dtype", dtype, DTYPES)):
        if value is not None and value not in choices:
            raise UsageError(f"{option} is {value!r}, but must be {' or '.join(choices)}")
    target = Path(output)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} is there already; give a new folder for the store")
    places = [os.fspath(source) for source in ([sources] if isinstance(sources, (str, os.PathLike)) else sources)]
    form, places = _places(places, format)
    lines = None if rows_file is None else Path(rows_file)
    if lines is not None and len(places) > 1:
        raise UsageError("one file of rows cannot belong to several files; leave the option out, or give one file")
    with ExitStack() as stack:
        found: list[Source] = [
            stack.enter_context(
                module_of(form).opened(
                    place if is_address(place) else Path(place), table=table, columns=columns, rows_file=lines
                )
            )
            for place in places
        ]
        total = sum(source.rows for source in found)
        if not total:
            raise UsageError(f"{', '.join(source.name for source in found)}: there are no rows; nothing was imported")
        said = found[0].origin if all(source.origin == found[0].origin for source in found) else None
        stored: Dtype = "float16" if all(source.dtype == "float16" for source in found) else "float32"
        step = shard_rows or default_shard_rows(total)
        blocks = regrouped((block for source in found for block in source.blocks(step)), step)
        first = next(blocks)
        record = _record(found, form, encoder_name, first.vectors.shape[1])
        for note in dict.fromkeys(note for source in found for note in source.notes):
            sys.stderr.write(f"note: {note}\n")
        partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        try:
            with (
                StoreWriter(
                    partial,
                    record,
                    stage or (said.stage if said else "documents"),
                    dtype or (said.dtype if said else stored),
                    shard_rows=step,
                ) as writer,
                tqdm(total=total, desc="import", unit="row", file=sys.stderr, disable=not show_progress_bar) as bar,
            ):
                for block in _chained(first, blocks):
                    of_one_dimension([first.vectors.shape[1], block.vectors.shape[1]], [first.ids[0], block.ids[0]])
                    languages = present([label or language for label in block.languages], "language", block.ids)
                    writer.append(block.vectors, block.ids, languages, block.groups)
                    bar.update(len(block.ids))
            if target.exists():
                target.rmdir()
            partial.rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return EmbeddingStore.open(target)


def _places(places: list[str], given: Format | None) -> tuple[Format, list[str]]:
    if not places:
        raise UsageError("there is nothing to import; give at least one file")
    found: list[str] = []
    for place in places:
        parts = (
            sorted(map(str, Path(place).glob("*.parquet"))) if not is_address(place) and Path(place).is_dir() else []
        )
        if not is_address(place) and Path(place).is_dir() and not parts:
            raise UsageError(f"{place} is a folder without .parquet files; give a file")
        found += parts or [place]
    forms = {format_of(place, given) for place in found}
    if len(forms) > 1 or (forms == {"pgvector"} and len(found) > 1):
        raise UsageError(f"{' and '.join(sorted(forms))} cannot be imported at once; give files of one format")
    return forms.pop(), found


def _record(found: list[Source], form: Format, encoder_name: str | None, dimension: int) -> EncoderRecord:
    names = found[0].name + (f" and {len(found) - 1} more" if len(found) > 1 else "")
    said = found[0].origin
    if encoder_name is None:
        if said is None or any(source.origin != said for source in found):
            raise UsageError(
                f"{names}: nothing says which encoder made these embeddings, or different things do; name it with "
                "--encoder-name"
            )
        note = f"exported by clinometer and imported again ({form})"
        warnings = said.encoder.warnings
        return msgspec.structs.replace(said.encoder, warnings=warnings if note in warnings else [*warnings, note])
    note = f"imported from {names} ({form}): revision, prompts and longest input of the encoder are not known"
    return EncoderRecord(
        name=encoder_name,
        kind="imported",
        dimension=dimension,
        dtype="/".join(dict.fromkeys(source.dtype for source in found)),
        warnings=[note],
    )


def _chained(first: Block, blocks: Iterator[Block]) -> Iterator[Block]:
    yield first
    yield from blocks
