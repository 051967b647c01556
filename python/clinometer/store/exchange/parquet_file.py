"""A parquet file with columns `id`, `language`, `group` and `embedding`, written and read row group by row group."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import EmbeddingError, FormatError, first_few, optional_package
from clinometer.files import regular, written_whole
from clinometer.store.exchange.row_source import USUAL, Columns, Origin, RowBlock, Source, of_one_dimension, present
from clinometer.store.reader import EmbeddingStore

__all__ = ["opened", "write"]

# Rows of a row group: 32 MB with 1,024 dimensions.
_ROWS = 8192
_METADATA = b"clinometer"


def write(path: Path, store: EmbeddingStore, origin: Origin, blocks: Iterator[RowBlock], **_: Any) -> None:
    """Write the rows; embeddings are lists of fixed size, of float16 if the store is float16, else of float32."""
    pa, parquet = _pyarrow()
    number = pa.float16() if store.dtype == np.float16 else pa.float32()
    embedding = pa.list_(pa.field("element", number, nullable=False), store.dimension)
    schema = pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("language", pa.string(), nullable=False),
            pa.field("group", pa.string()),
            pa.field("embedding", embedding, nullable=False),
        ],
        metadata={_METADATA: origin.to_json()},
    )
    with (
        written_whole(path) as file,
        parquet.ParquetWriter(file, schema, use_dictionary=["language"], compression="zstd") as writer,
    ):
        for block in blocks:
            for start in range(0, len(block.ids), _ROWS):
                ids, languages, groups = (column[start : start + _ROWS] for column in block[1:])
                flat = pa.array(np.ascontiguousarray(block.vectors[start : start + _ROWS]).ravel(), number)
                rows = pa.FixedSizeListArray.from_arrays(flat, type=embedding)
                columns = [pa.array(values, pa.string()) for values in (ids, languages, groups)]
                writer.write_table(pa.Table.from_arrays([*columns, rows], schema=schema), row_group_size=_ROWS)


@contextmanager
def opened(path: Path, *, columns: Columns = USUAL, **_: Any) -> Iterator[Source]:
    """The rows of one parquet file."""
    pa, parquet = _pyarrow()
    try:
        file = parquet.ParquetFile(regular(path), pre_buffer=False)
    except pa.ArrowInvalid as error:
        raise FormatError(path, None, f"not a parquet file ({error})") from None
    with file:
        schema = file.schema_arrow
        name_of = {"id": columns.id, "embedding": columns.embedding}
        for kind, name in (("language", columns.language), ("group", columns.group)):
            if name is not None or kind in schema.names:
                name_of[kind] = name or kind
        missing = [name for name in name_of.values() if name not in schema.names]
        if missing:
            raise FormatError(path, None, f"no column {', '.join(missing)}; choose from {', '.join(schema.names)}")
        form = schema.field(name_of["embedding"]).type
        lists = pa.types.is_fixed_size_list(form) or pa.types.is_list(form) or pa.types.is_large_list(form)
        if not (lists and pa.types.is_floating(form.value_type)):
            raise FormatError(path, None, f"column {name_of['embedding']} is {form}, but should be lists of float")
        yield Source(
            name=path.name,
            rows=file.metadata.num_rows,
            dtype="float16" if form.value_type == pa.float16() else "float32",
            origin=Origin.read((schema.metadata or {}).get(_METADATA)),
            blocks=lambda step: _blocks(path, file, name_of, step),
            notes=["float64 is stored as float32"] if form.value_type == pa.float64() else [],
        )


def _blocks(path: Path, file: Any, name_of: dict[str, str], step: int) -> Iterator[RowBlock]:
    import pyarrow as pa

    start = 0
    try:
        for batch in file.iter_batches(min(step, _ROWS), columns=list(dict.fromkeys(name_of.values()))):
            if not batch.num_rows:
                continue
            values_of = {
                kind: batch.column(name).cast(pa.string()).to_pylist()
                for kind, name in name_of.items()
                if kind != "embedding"
            }
            no_values = [None] * batch.num_rows
            ids = present(values_of["id"], "id", no_values, start)
            vectors = _vectors(batch.column(name_of["embedding"]), ids)
            yield RowBlock(vectors, ids, values_of.get("language", no_values), values_of.get("group", no_values))
            start += batch.num_rows
    except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise FormatError(path, None, f"rows from {start} on cannot be read ({error})") from None


def _vectors(column: Any, ids: list[str]) -> NDArray[Any]:
    lengths = np.array([len(row) if row.is_valid else 0 for row in column]) if column.null_count else None
    if lengths is None:
        import pyarrow.compute

        lengths = pyarrow.compute.list_value_length(column).to_numpy(zero_copy_only=False)
    flat = column.flatten()
    if column.null_count or flat.null_count:
        bad = [name for name, row in zip(ids, column, strict=True) if not row.is_valid or None in row.as_py()]
        raise EmbeddingError(
            f"{len(bad)} rows have no embedding, or no number somewhere in it ({first_few(bad)}); leave them out"
        )
    return np.asarray(flat.to_numpy(zero_copy_only=False).reshape(len(ids), of_one_dimension(lengths, ids)))


def _pyarrow() -> tuple[Any, Any]:
    pa, parquet = (optional_package(name, "a parquet file", "parquet") for name in ("pyarrow", "pyarrow.parquet"))
    return pa, parquet
