"""The forms that stores can be exported to and imported from, and which of them a name means."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Literal, get_args

from clinometer.errors import UsageError

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
    """Whether this is the address of a database and no path; nothing of it is to be shown, it may hold a password."""
    return _ADDRESS.match(place) is not None


def format_of(place: str, given: str | None = None) -> Format:
    """The form that is meant.

    Raises:
        UsageError: There is no such form, or the name does not tell and none was given.

    Example:
        >>> format_of("items.parquet"), format_of("vectors.bin", "faiss"), format_of("postgresql://localhost/shop")
        ('parquet', 'faiss', 'pgvector')
    """
    if given is not None and given not in FORMATS:
        raise UsageError(f"there is no format {given!r}; choose one of {', '.join(FORMATS)}")
    if is_address(place) != (given == "pgvector") and given is not None:
        raise UsageError("pgvector is what lies at an address postgresql://..., and nothing else; change --format")
    found = given or ("pgvector" if is_address(place) else _SUFFIXES.get(Path(place).suffix.lower()))
    if found is None:
        raise UsageError(f"{place} does not tell its format; say it with --format, one of {', '.join(FORMATS)}")
    return found


def module_of(form: Format) -> ModuleType:
    """The module that reads and writes it, imported when it is needed."""
    from clinometer.store.exchange import faiss_index, numpy_file, parquet_file, postgres, safetensors_file

    modules = {
        "safetensors": safetensors_file,
        "parquet": parquet_file,
        "faiss": faiss_index,
        "npy": numpy_file,
        "pgvector": postgres,
    }
    return modules[form]
