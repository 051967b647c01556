"""The formats of import and export, and how a name selects one."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Literal, get_args

from clinometer.errors import UsageError
from clinometer.suggestions import one_of

__all__ = ["FORMATS", "Format", "format_of", "is_address", "module_of"]

Format = Literal["safetensors", "parquet", "faiss", "npy", "pgvector"]
FORMATS: tuple[Format, ...] = get_args(Format)

_ADDRESS = re.compile(r"postgres(ql)?://")
_SUFFIXES: dict[str, Format] = {
    ".safetensors": "safetensors",
    ".parquet": "parquet",
    ".faiss": "faiss",
    ".index": "faiss",
    ".npy": "npy",
}


def is_address(place: str) -> bool:
    """Whether this is the URL of a database, not a path. Never show any of it: it may hold a password."""
    return _ADDRESS.match(place) is not None


def format_of(place: str, format: str | None = None) -> Format:
    """The format: the one named, or else the one that the place implies.

    Raises:
        UsageError: The format is unknown, or the place does not imply one.

    Example:
        >>> format_of("items.parquet"), format_of("vectors.bin", "faiss"), format_of("postgresql://localhost/shop")
        ('parquet', 'faiss', 'pgvector')
    """
    if format is not None and format not in FORMATS:
        raise UsageError(f"unknown format {format!r}; expected {one_of(format, FORMATS)}")
    if is_address(place) != (format == "pgvector") and format is not None:
        raise UsageError("format pgvector and URLs postgresql://... belong together; change --format")
    implied = format or ("pgvector" if is_address(place) else _SUFFIXES.get(Path(place).suffix.lower()))
    if implied is None:
        raise UsageError(f"the name {place} does not imply a format; add --format, one of {', '.join(FORMATS)}")
    return implied


def module_of(form: Format) -> ModuleType:
    """The module that reads and writes a format, imported on use."""
    from clinometer.store.exchange import faiss_index, numpy_file, parquet_file, postgres, safetensors_file

    modules = {
        "safetensors": safetensors_file,
        "parquet": parquet_file,
        "faiss": faiss_index,
        "npy": numpy_file,
        "pgvector": postgres,
    }
    return modules[form]
