"""Rows of parquet files, read batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clinometer.errors import FormatError, first_line, optional_package
from clinometer.files import regular

__all__ = ["parquet_batches"]

_ROWS = 1024


def parquet_batches(path: Path) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """The rows of a parquet file in batches, each with the number of its first row from 1.

    Raises:
        MissingExtraError: The package pyarrow is not installed.
        FormatError: It is not a parquet file, or is damaged.
    """
    optional_package("pyarrow", "reading a parquet file", "parquet")
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    number = 1
    try:
        with ParquetFile(regular(path), pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=_ROWS):
                yield number, batch.to_pylist()
                number += batch.num_rows
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        problem = f"not a parquet file, or a damaged one ({first_line(error)}); write it again"
        raise FormatError(path, None, problem) from None
