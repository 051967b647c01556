"""Import of a store from another format. It appears under its name only when it is complete."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

import msgspec

from clinometer.encoders.base import EncoderRecord
from clinometer.errors import UsageError
from clinometer.files import folder_written_whole
from clinometer.progress import progress
from clinometer.store.encoding import default_shard_rows
from clinometer.store.exchange.formats import Format, format_of, is_address, module_of
from clinometer.store.exchange.row_source import USUAL, Columns, Source, of_one_dimension, present, regrouped
from clinometer.store.manifest import Dtype, Stage, check_form
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
    """Create a store from rows of another format, unchanged, with one shard in memory at a time.

    The record of the encoder is the one that clinometer wrote when it exported the rows. Without one, or with
    `encoder_name`, the kind is `imported`, and a warning says that revision, prompts and longest input are not known.

    Args:
        sources: A file, several consecutive files, a folder of parquet files (in the order of their names), or the URL
            of a database, `postgresql://...`.
        output: Folder of the new store.
        format: Format of the source; by default from its name.
        encoder_name: Name of the encoder; required if the source does not record it. Stores with the same name are
            assumed to have the same encoder, so a name should identify model and prompt.
        stage: `documents` or `queries`; by default that of the source, else documents.
        dtype: Stored data type; by default that of the exported store, else that of the numbers.
        language: Language of rows that state none.
        table: Table or view of pgvector, `NAME` or `SCHEMA.NAME`.
        columns: Names of the columns (parquet, pgvector), or of the tensor (safetensors).
        rows_file: File with id, language and group of each row, for formats of vectors only; `FILE.jsonl` by default.
        shard_rows: Number of rows per shard; by default as for `clinometer encode`.
        show_progress_bar: Whether to draw a bar on standard error.

    Returns:
        The new store.

    Raises:
        UsageError: The output exists, the encoder's name is missing, or an option is invalid.
        FormatError: A source does not have its format, or columns are missing.
        EmbeddingError: Embeddings are missing, zero, NaN, infinite or of another dimension; the message names ids.
        CollectionError: Rows have no id or language, or ids are repeated.
        MissingExtraError: The package for the format is not installed.
        ClinometerError: The database reports an error.

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
    check_form("documents" if stage is None else stage, "float32" if dtype is None else dtype)
    target = Path(output)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} already exists; choose a new folder for the store")
    places = [os.fspath(source) for source in ([sources] if isinstance(sources, (str, os.PathLike)) else sources)]
    form, places = _places(places, format)
    lines = None if rows_file is None else Path(rows_file)
    if lines is not None and len(places) > 1:
        raise UsageError("one file of rows cannot belong to several files; leave the option out, or give one file")
    with ExitStack() as stack:
        inputs: list[Source] = [
            stack.enter_context(
                module_of(form).opened(
                    place if is_address(place) else Path(place), table=table, columns=columns, rows_file=lines
                )
            )
            for place in places
        ]
        total = sum(source.rows for source in inputs)
        if not total:
            raise UsageError(f"{', '.join(source.name for source in inputs)}: no rows; nothing was imported")
        origin = inputs[0].origin if all(source.origin == inputs[0].origin for source in inputs) else None
        input_dtype: Dtype = "float16" if all(source.dtype == "float16" for source in inputs) else "float32"
        step = shard_rows or default_shard_rows(total)
        blocks = regrouped((block for source in inputs for block in source.blocks(step)), step)
        first = next(blocks)
        record = _record(inputs, form, encoder_name, first.vectors.shape[1])
        for note in dict.fromkeys(note for source in inputs for note in source.notes):
            sys.stderr.write(f"note: {note}\n")
        stage = stage or (origin.stage if origin else "documents")
        dtype = dtype or (origin.dtype if origin else input_dtype)
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            folder_written_whole(target) as partial,
            StoreWriter(partial, record, stage, dtype, shard_rows=step) as writer,
            progress(total, "import", "rows", shown=show_progress_bar) as bar,
        ):
            for block in chain([first], blocks):
                of_one_dimension([first.vectors.shape[1], block.vectors.shape[1]], [first.ids[0], block.ids[0]])
                languages = present([label or language for label in block.languages], "language", block.ids)
                writer.append(block.vectors, block.ids, languages, block.groups)
                bar.update(len(block.ids))
    return EmbeddingStore.open(target)


def _places(places: list[str], format: Format | None) -> tuple[Format, list[str]]:
    if not places:
        raise UsageError("nothing to import; give at least one file")
    files: list[str] = []
    for place in places:
        if is_address(place) or not Path(place).is_dir():
            files.append(place)
            continue
        parts = sorted(map(str, Path(place).glob("*.parquet")))
        if not parts:
            raise UsageError(f"{place} is a folder without .parquet files; give a file")
        files += parts
    forms = {format_of(place, format) for place in files}
    if len(forms) > 1 or (forms == {"pgvector"} and len(files) > 1):
        raise UsageError(f"{' and '.join(sorted(forms))} cannot be imported together; give files of one format")
    return forms.pop(), files


def _record(sources: list[Source], form: Format, encoder_name: str | None, dimension: int) -> EncoderRecord:
    names = sources[0].name + (f" and {len(sources) - 1} more" if len(sources) > 1 else "")
    origin = sources[0].origin
    if encoder_name is None:
        if origin is None or any(source.origin != origin for source in sources):
            raise UsageError(
                f"{names}: the encoder of these embeddings is not recorded, or differs; name it with --encoder-name"
            )
        note = f"exported by clinometer and imported again ({form})"
        warnings = origin.encoder.warnings
        return msgspec.structs.replace(origin.encoder, warnings=warnings if note in warnings else [*warnings, note])
    note = f"imported from {names} ({form}): revision, prompts and longest input of the encoder are not known"
    return EncoderRecord(
        name=encoder_name,
        kind="imported",
        dimension=dimension,
        dtype="/".join(dict.fromkeys(source.dtype for source in sources)),
        warnings=[note],
    )
