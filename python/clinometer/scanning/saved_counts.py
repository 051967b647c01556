"""Counts of ranks as they are read from a file: every array has the type, shape and range that a scan gives it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.contents import npz_arrays
from clinometer.errors import FormatError

__all__ = ["saved_counts"]

_PROBLEM = "not a file written by RankCounts.save, or damaged; scan again"
_KINDS = {
    "indptr": "i",
    "documents": "i",
    "codes": "i",
    "scores": "f",
    "greater": "iu",
    "equal": "iu",
    "before": "iu",
    "languages": "U",
    "ties": "U",
    "held": "U",
    "by_id": "b",
    "pool_sizes": "i",
}


def saved_counts(path: str, tie_modes: Sequence[str]) -> dict[str, Any]:
    """The arguments of `RankCounts` from its file.

    Args:
        path: The file.
        tie_modes: Names of the tie modes.

    Raises:
        FormatError: The file is not one of counts, or its arrays do not fit together.
        FileNotFoundError: The file does not exist.
    """
    arrays = npz_arrays(path, _PROBLEM)
    if set(arrays) != set(_KINDS) or any(array.dtype.kind not in _KINDS[name] for name, array in arrays.items()):
        raise FormatError(path, None, _PROBLEM)
    if not _fit(arrays, tie_modes):
        raise FormatError(path, None, _PROBLEM)
    sizes = arrays.pop("pool_sizes")
    return arrays | {
        "languages": tuple(arrays["languages"].tolist()),
        "ties": arrays["ties"].item(),
        "held": arrays["held"].item(),
        "by_id": arrays["by_id"].item(),
        "pool_sizes": sizes if sizes.size else None,
    }


def _fit(arrays: dict[str, NDArray[Any]], tie_modes: Sequence[str]) -> bool:
    indptr, documents, codes, languages, sizes = (
        arrays[name] for name in ("indptr", "documents", "codes", "languages", "pool_sizes")
    )
    if languages.ndim != 1 or indptr.ndim != 1 or not len(indptr) or documents.ndim != 1:
        return False
    rows, labels = len(documents), len(languages)
    cells = (arrays["greater"], arrays["equal"], arrays["before"])
    return bool(
        codes.shape == arrays["scores"].shape == (rows,)
        and all(part.shape == (rows, labels) and int(part.min(initial=0)) >= 0 for part in cells)
        and all(arrays[name].ndim == 0 for name in ("ties", "held", "by_id"))
        and arrays["ties"].item() in tie_modes
        and arrays["held"].item() in ("index", "trec")
        and indptr[0] == 0
        and indptr[-1] == rows
        and (np.diff(indptr) >= 0).all()
        and (documents >= 0).all()
        and ((codes >= 0) & (codes < labels)).all()
        and sizes.shape in ((0,), (labels,))
        and len(set(languages.tolist())) == labels
    )
