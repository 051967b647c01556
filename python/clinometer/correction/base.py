"""What a correction is: fitted arrays that change stored embeddings by their language, without the model and its texts.

Every row is scaled to length one, changed by what was fitted for its language, and scaled to length one again. What
comes out for a row depends on nothing but that row and its language: any part of a store, in any order, same bits.
"""

from __future__ import annotations

import hashlib
import os
import warnings
import zipfile
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.encoders.base import Side
from clinometer.errors import EmbeddingError, FormatError, LanguageError, UsageError
from clinometer.files import written_whole
from clinometer.languages import canonical
from clinometer.vectors import finished_rows, unit_rows

__all__ = ["UNKNOWN", "Correction", "Unknown", "load"]

Unknown = Literal["refuse", "mean", "leave"]
UNKNOWN: tuple[Unknown, ...] = ("refuse", "mean", "leave")

_FORMAT = "clinometer-correction"
_VERSION = 1
_BLOCK = 8192
# Where nothing is left of a row, it was its language's mean, or lies in what was removed.
_EMPTY = (
    "{side}: nothing is left of {{count}} rows after the correction ({{named}}); fit on more texts of their languages, "
    "or correct less (a lower strength, fewer components)"
)
_REGISTERED: dict[str, type[Correction]] = {}


@dataclass(frozen=True, eq=False)
class Correction(ABC):
    """A fitted correction. Make one with the `fit` of a method or with `clinometer.correction.fit`; it never changes.

    The row of a language in a fitted array is its place in `languages` (for documents) or `query_languages`; one more
    row, the last, stands for "language not known": the mean over all languages.

    Args:
        languages: Labels that documents may have.
        query_languages: Labels that queries may have.
        arrays: What was fitted, by name.
        settings: How it was fitted: options, texts per language, and on what (`fitted_on`). JSON values only.
    """

    languages: tuple[str, ...]
    query_languages: tuple[str, ...]
    arrays: dict[str, NDArray[Any]]
    settings: dict[str, Any]

    method: ClassVar[str]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "method" in vars(cls):
            _REGISTERED[cls.method] = cls

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Length of the rows that go in."""

    @property
    def output_dimension(self) -> int:
        """Length of the rows that come out."""
        return self.dimension

    @abstractmethod
    def _changed(self, rows: NDArray[np.float64], codes: NDArray[np.int64], side: Side) -> NDArray[np.float64]:
        """The unit rows after the change, before they are scaled; code -1 leaves a row as it is.

        Nothing here may depend on the other rows, so no BLAS: its last bits go with the shape.
        """

    def apply(
        self, vectors: ArrayLike, languages: Sequence[str | None], *, unknown: Unknown = "refuse"
    ) -> NDArray[np.float32]:
        """Documents, corrected.

        Args:
            vectors: `(n, d)` embeddings, float32 or float16, of any length above zero; only their directions count.
            languages: Label of each row, in any spelling that `clinometer.languages.canonical` reads; None where it is
                not known.
            unknown: Rows whose language is None or was not fitted: `refuse`; `mean` corrects them by the mean over all
                languages; `leave` only scales them to length one. Both are counted in a `UserWarning`.

        Returns:
            `(n, output_dimension)` float32, rows of length one.

        Raises:
            LanguageError: A language was not fitted and `unknown` is `refuse`; all such labels are named.
            EmbeddingError: Rows that are zero, NaN or infinite, of another dimension, or of which nothing is left.
        """
        return self._applied(vectors, languages, "documents", unknown)

    def apply_queries(
        self, vectors: ArrayLike, languages: Sequence[str | None] | None = None, *, unknown: Unknown = "refuse"
    ) -> NDArray[np.float32]:
        """Queries, corrected.

        Args:
            vectors: `(n, d)` embeddings, as for `apply`.
            languages: Label of each row; None (the default) if no query's language is known: one mean for all.
            unknown: As for `apply`.

        Returns:
            `(n, output_dimension)` float32, rows of length one.

        Raises:
            LanguageError: As for `apply`.
            EmbeddingError: As for `apply`.
        """
        return self._applied(vectors, languages, "queries", unknown)

    def unknown_rows(self, languages: Sequence[str | None], side: Side = "documents") -> dict[str, int]:
        """How many rows have a language that was not fitted, by label; `not known` for None.

        Example:
            >>> import numpy as np
            >>> from clinometer.correction import Center
            >>> Center.fit(np.eye(4), ["en", "en", "de", "de"]).unknown_rows(["en", "fr", None, "fra"])
            {'fr': 2, 'not known': 1}
        """
        known = set(self.labels(side))
        labels = _canonical(languages)
        return dict(Counter("not known" if label is None else label for label in labels if label not in known))

    def labels(self, side: Side) -> tuple[str, ...]:
        """The languages that were fitted for documents or for queries."""
        return self.languages if side == "documents" else self.query_languages

    def refuse_unknown(self, languages: Sequence[str | None], side: Side = "documents") -> None:
        """Nothing, if all these languages were fitted; `apply` does it too, but this needs no embeddings.

        Raises:
            LanguageError: A language was not fitted; all such labels are named.
        """
        if strangers := self.unknown_rows(languages, side):
            named = ", ".join(f"{label} ({count})" for label, count in strangers.items())
            raise LanguageError(
                f"the correction was not fitted on {side} of {named} rows; it knows {', '.join(self.labels(side))}; "
                "fit it again with texts of these languages, or choose unknown='mean' or unknown='leave'"
            )

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits: the same for corrections that do the same, whatever they were fitted on."""
        told = {name: entry for name, entry in self.describe().items() if name != "fitted_on"}
        found = hashlib.sha256(msgspec.json.encode(told, order="deterministic"))
        for name in sorted(self.arrays):
            found.update(np.ascontiguousarray(self.arrays[name]).tobytes())
        return found.hexdigest()[:12]

    def describe(self) -> dict[str, Any]:
        """Method, languages, dimensions and settings, as JSON values."""
        return {
            "method": self.method,
            "languages": list(self.languages),
            "query_languages": list(self.query_languages),
            "dimension": self.dimension,
            "output_dimension": self.output_dimension,
            **self.settings,
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one `.npz` file without pickle, under a temporary name first. The same correction gives the same bytes.

        Raises:
            UsageError: The name does not end in `.npz`.
        """
        if not os.fspath(path).endswith(".npz"):
            raise UsageError(f"{os.fspath(path)}: a correction is a .npz file; let the name end in .npz")
        about = {
            "format": _FORMAT,
            "version": _VERSION,
            "method": self.method,
            "languages": list(self.languages),
            "query_languages": list(self.query_languages),
            "settings": self.settings,
        }
        arrays: dict[str, Any] = self.arrays
        with written_whole(path) as file:
            np.savez(file, about=np.array(msgspec.json.encode(about).decode()), **arrays)

    def _codes(
        self, languages: Sequence[str | None] | None, rows: int, side: Side, unknown: Unknown
    ) -> NDArray[np.int64]:
        if unknown not in UNKNOWN:
            raise UsageError(f"unknown is {unknown!r}; choose one of {', '.join(UNKNOWN)}")
        known = self.labels(side)
        if languages is None:
            if side == "documents":
                raise UsageError("the languages of the documents are missing; give one label for each row")
            return np.full(rows, len(known), dtype=np.int64)
        if isinstance(languages, str) or len(languages) != rows:
            given = "one string" if isinstance(languages, str) else f"{len(languages)} languages"
            raise UsageError(f"{given} for {rows} {side}; give a list with one label for each row")
        if unknown == "refuse":
            self.refuse_unknown(languages, side)
        elif strangers := self.unknown_rows(languages, side):
            named = ", ".join(f"{label} ({count})" for label, count in strangers.items())
            what = "corrected by the mean over all languages" if unknown == "mean" else "left uncorrected"
            warnings.warn(f"{sum(strangers.values())} of {rows} {side} were {what}: {named}", UserWarning, stacklevel=4)
        place = {label: row for row, label in enumerate(known)}
        other = len(known) if unknown == "mean" else -1
        return np.array([place.get(label or "", other) for label in _canonical(languages)], dtype=np.int64)

    def _applied(
        self, vectors: ArrayLike, languages: Sequence[str | None] | None, side: Side, unknown: Unknown
    ) -> NDArray[np.float32]:
        array = np.asanyarray(vectors)
        if array.ndim != 2 or array.shape[1] != self.dimension:
            raise EmbeddingError(
                f"the {side} have shape {array.shape}, but the correction was fitted on embeddings of "
                f"{self.dimension} dimensions; correct embeddings of the encoder that it was fitted on"
            )
        codes = self._codes(languages, len(array), side, unknown)
        complaint = _EMPTY.format(side=side)
        out = np.empty((len(array), self.output_dimension), dtype=np.float32)
        for start in range(0, len(array), _BLOCK):
            stop = start + _BLOCK
            rows = unit_rows(array[start:stop], side, first_row=start)
            out[start:stop] = finished_rows(self._changed(rows, codes[start:stop], side), complaint, start)
        return out

    def _checked(self) -> Self:
        """Refuse arrays that do not fit together, as a damaged file would bring them."""
        for name, array in self.arrays.items():
            if not np.isfinite(array).all():
                raise ValueError(f"the array {name!r} holds NaN or infinite values")
        for name, wanted in self._shapes().items():
            if name not in self.arrays:
                raise ValueError(f"there is no array {name!r}")
            shape = self.arrays[name].shape
            if len(shape) != len(wanted) or any(
                size not in (None, own) for size, own in zip(wanted, shape, strict=True)
            ):
                raise ValueError(f"the array {name!r} has shape {shape}, which does not fit the others")
        return self

    @abstractmethod
    def _shapes(self) -> dict[str, tuple[int | None, ...]]:
        """The arrays that there must be, with their shapes; None for a size that nothing else fixes."""


def load(path: str | os.PathLike[str]) -> Correction:
    """Read a correction that `save` wrote.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: The file is no correction, is damaged, or was written by a later version.
    """
    name = os.fspath(path)
    try:
        # numpy leaves a damaged file open where it opened it itself.
        with Path(path).open("rb") as raw:
            file = np.load(raw, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile) or "about" not in file.files:
                raise FormatError(name, None, "this is no correction; write one with `clinometer correct`")
            about = msgspec.json.decode(str(file["about"]), type=dict[str, Any])
            arrays = {key: file[key] for key in file.files if key != "about"}
    except (FileNotFoundError, FormatError):
        raise
    except (ValueError, EOFError, OSError, KeyError, zipfile.BadZipFile, msgspec.DecodeError) as error:
        raise FormatError(name, None, f"this is no correction, or it is damaged ({error})") from None
    if about.get("format") != _FORMAT:
        raise FormatError(name, None, "this is no correction; write one with `clinometer correct`")
    if about.get("version") != _VERSION or about.get("method") not in _REGISTERED:
        raise FormatError(
            name,
            None,
            f"version {about.get('version')}, method {about.get('method')!r} is not known here; this program reads "
            f"version {_VERSION}, methods {', '.join(_REGISTERED)}",
        )
    try:
        return _REGISTERED[about["method"]](
            tuple(about["languages"]), tuple(about["query_languages"]), arrays, dict(about["settings"])
        )._checked()
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise FormatError(name, None, f"this correction is damaged ({error})") from None


def _canonical(languages: Sequence[str | None]) -> list[str | None]:
    seen: dict[str | None, str | None] = {None: None}
    for label in languages:
        if label not in seen:
            seen[label] = canonical(str(label))
    return [seen[label] for label in languages]
