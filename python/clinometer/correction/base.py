"""A correction: fitted arrays that change stored embeddings by language, without the model and the texts.

Every row is scaled to length one, except by methods for which lengths count, changed by the arrays of its language, and
scaled to length one again. The result for a row depends on that row and its language only: any part of a store, in any
order, gives the same bits.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.contents import decode_json, npz_arrays
from clinometer.correction.sample import refuse_other_length
from clinometer.encoders.base import Side
from clinometer.errors import EmbeddingError, FormatError, LanguageError, UsageError, shown
from clinometer.files import written_whole
from clinometer.languages import canonical
from clinometer.suggestions import one_of
from clinometer.vectors import array_of, checked_rows, finished_rows, unit_rows

__all__ = ["UNKNOWN", "Correction", "Unknown", "load"]

Unknown = Literal["refuse", "mean", "leave"]
UNKNOWN: tuple[Unknown, ...] = ("refuse", "mean", "leave")

_FORMAT = "clinometer-correction"
_VERSION = 1
_BLOCK = 8192
_EXPECTED = "not a correction, or damaged; write one with `clinometer correct`"
_REGISTERED: dict[str, type[Correction]] = {}


@dataclass(frozen=True, eq=False)
class Correction(ABC):
    """A fitted correction, immutable. Create one with the `fit` of a method or with `clinometer.correction.fit`.

    The row of a language in a fitted array is its position in `languages` (for documents) or `query_languages`; one
    more row, the last, is for unknown languages: the mean over all languages.

    Args:
        languages: Languages that documents may have.
        query_languages: Languages that queries may have.
        arrays: Fitted arrays by name.
        settings: Record of the fit: options, texts per language, and encoder (`fitted_on`). JSON values only.
    """

    languages: tuple[str, ...]
    query_languages: tuple[str, ...]
    arrays: dict[str, NDArray[Any]]
    settings: dict[str, Any]

    method: ClassVar[str]
    lengths_count: ClassVar[bool] = False
    """Whether rows are changed as they come; otherwise they are scaled to length one first."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "method" in vars(cls):
            _REGISTERED[cls.method] = cls

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Length of the rows before the correction."""

    @property
    def output_dimension(self) -> int:
        """Length of the rows after the correction."""
        return self.dimension

    @abstractmethod
    def _changed(self, rows: NDArray[np.float64], codes: NDArray[np.int64], side: Side) -> NDArray[np.float64]:
        """The rows (of length one, unless `lengths_count`) after the change, before they are rescaled.

        Code -1 leaves a row unchanged.

        No row may depend on the other rows, so no BLAS: its last bits depend on the shape.
        """

    def apply(
        self, vectors: ArrayLike, languages: Sequence[str | None], *, unknown: Unknown = "refuse"
    ) -> NDArray[np.float32]:
        """Corrected documents.

        Args:
            vectors: `(n, d)` embeddings, float32 or float16, of any length above zero; only their directions count,
                except for `query-shift`.
            languages: Language of each row, in any spelling that `clinometer.languages.canonical` reads; None if
                unknown.
            unknown: Treatment of rows whose language is None or was not fitted: `refuse`; `mean` corrects them by the
                mean over all languages; `leave` only scales them to length one. A `UserWarning` counts the latter two.

        Returns:
            `(n, output_dimension)` float32, rows of length one.

        Raises:
            LanguageError: A language was not fitted and `unknown` is `refuse`; the message names all such languages.
            EmbeddingError: Rows that are zero, NaN or infinite, of another dimension, or of which nothing is left.
        """
        return self._applied(vectors, languages, "documents", unknown)

    def apply_queries(
        self, vectors: ArrayLike, languages: Sequence[str | None] | None = None, *, unknown: Unknown = "refuse"
    ) -> NDArray[np.float32]:
        """Corrected queries.

        Args:
            vectors: `(n, d)` embeddings, as for `apply`.
            languages: Language of each row; None (the default) if no query's language is known: one mean for all.
            unknown: As for `apply`.

        Returns:
            `(n, output_dimension)` float32, rows of length one.

        Raises:
            LanguageError: As for `apply`.
            EmbeddingError: As for `apply`.
        """
        return self._applied(vectors, languages, "queries", unknown)

    def unknown_rows(self, languages: Sequence[str | None], side: Side = "documents") -> dict[str, int]:
        """Number of rows by language that was not fitted; `not known` for None.

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
        """Refuse languages that were not fitted, as `apply` does, but without embeddings.

        Raises:
            LanguageError: A language was not fitted; the message names all such languages.
        """
        if row_counts := self.unknown_rows(languages, side):
            named = ", ".join(f"{label} ({count})" for label, count in row_counts.items())
            raise LanguageError(
                f"the correction was not fitted on {side} in {named}, only in {', '.join(self.labels(side))}; "
                "fit it again with texts of these languages, or choose unknown='mean' or unknown='leave'"
            )

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits, equal for equal corrections, whatever they were fitted on."""
        description = {name: entry for name, entry in self.describe().items() if name != "fitted_on"}
        sha = hashlib.sha256(msgspec.json.encode(description, order="deterministic"))
        for name in sorted(self.arrays):
            sha.update(np.ascontiguousarray(self.arrays[name]).tobytes())
        return sha.hexdigest()[:12]

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
        """Write one `.npz` file without pickle, atomically. The same correction gives the same bytes.

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
        if not isinstance(unknown, str) or unknown not in UNKNOWN:
            raise UsageError(f"unknown is {shown(unknown)}, but must be {one_of(unknown, UNKNOWN)}")
        known = self.labels(side)
        if languages is None:
            if side == "documents":
                raise UsageError("the languages of the documents are missing; give one language for each row")
            return np.full(rows, len(known), dtype=np.int64)
        refuse_other_length(languages, rows, side)
        if unknown == "refuse":
            self.refuse_unknown(languages, side)
        elif row_counts := self.unknown_rows(languages, side):
            named = ", ".join(f"{label} ({count})" for label, count in row_counts.items())
            treatment = "corrected by the mean over all languages" if unknown == "mean" else "left uncorrected"
            warnings.warn(
                f"{sum(row_counts.values())} of {rows} {side} were {treatment}: {named}", UserWarning, stacklevel=4
            )
        code_of_label = {label: row for row, label in enumerate(known)}
        default_code = len(known) if unknown == "mean" else -1
        return np.array(
            [code_of_label.get(label or "", default_code) for label in _canonical(languages)], dtype=np.int64
        )

    def _applied(
        self, vectors: ArrayLike, languages: Sequence[str | None] | None, side: Side, unknown: Unknown
    ) -> NDArray[np.float32]:
        array = array_of(vectors, f"the {side}")
        if array.ndim != 2 or array.shape[1] != self.dimension:
            raise EmbeddingError(
                f"the {side} have shape {array.shape}, but the correction was fitted on embeddings of "
                f"{self.dimension} dimensions; correct embeddings of the encoder that it was fitted on"
            )
        codes = self._codes(languages, len(array), side, unknown)
        # A row of which nothing is left was its language's mean, or lies in the space that was removed.
        message = (
            f"{side}: nothing is left of {{count}} rows after the correction ({{named}}); fit on more texts of their "
            "languages, or correct less (a lower strength, fewer components)"
        )
        out = np.empty((len(array), self.output_dimension), dtype=np.float32)
        # Rows that get longer are taken in smaller blocks, of the same size in memory.
        block = max(1, _BLOCK * self.dimension // self.output_dimension)
        read = checked_rows if self.lengths_count else unit_rows
        for start in range(0, len(array), block):
            stop = start + block
            rows = read(array[start:stop], side, first_row=start)
            out[start:stop] = finished_rows(self._changed(rows, codes[start:stop], side), message, start)
        return out

    def _checked(self) -> Self:
        """Refuse arrays whose shapes do not match, as those of a damaged file may."""
        for name, array in self.arrays.items():
            if array.dtype.kind not in "fiu":
                raise ValueError(f"the array {name!r} is {array.dtype}, but should be numbers")
            if not np.isfinite(array).all():
                raise ValueError(f"the array {name!r} has NaN or infinite values")
        for name, sizes in self._shapes().items():
            if name not in self.arrays:
                raise ValueError(f"the array {name!r} is missing")
            shape = self.arrays[name].shape
            if len(shape) != len(sizes) or any(
                size not in (None, actual) for size, actual in zip(sizes, shape, strict=True)
            ):
                raise ValueError(f"the array {name!r} has shape {shape}, which does not match the others")
        return self

    @abstractmethod
    def _shapes(self) -> dict[str, tuple[int | None, ...]]:
        """The required arrays with their shapes; None for a size that may be any."""


class _About(msgspec.Struct):
    format: str = ""
    version: int = 0
    method: str = ""
    languages: list[str] = []
    query_languages: list[str] = []
    settings: dict[str, Any] = {}


def load(path: str | os.PathLike[str]) -> Correction:
    """Read a correction that `save` wrote.

    Raises:
        FileNotFoundError: The file does not exist.
        FormatError: The file is not a correction, is damaged, or was written by a later version.
    """
    name = os.fspath(path)
    arrays = npz_arrays(name, _EXPECTED)
    text = arrays.pop("about", None)
    if text is None or text.dtype.kind != "U" or text.ndim:
        raise FormatError(name, None, "not a correction; write one with `clinometer correct`")
    about = decode_json(text.item().encode(errors="replace"), _About, name, "damaged correction ({problem})")
    if about.format != _FORMAT:
        raise FormatError(name, None, "not a correction; write one with `clinometer correct`")
    if about.version != _VERSION or about.method not in _REGISTERED:
        raise FormatError(
            name,
            None,
            f"unknown version {about.version} or method {about.method!r}; this program reads version "
            f"{_VERSION}, methods {', '.join(_REGISTERED)}",
        )
    if not isinstance(about.settings.get("fitted_on") or {}, dict):
        raise FormatError(name, None, "damaged correction (its fitted_on does not describe an encoder)")
    try:
        correction = _REGISTERED[about.method](
            tuple(about.languages), tuple(about.query_languages), arrays, about.settings
        )
        return correction._checked()
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise FormatError(name, None, f"damaged correction ({error})") from None


def _canonical(languages: Sequence[str | None]) -> list[str | None]:
    canonical_of = {label: None if label is None else canonical(str(label)) for label in dict.fromkeys(languages)}
    return [canonical_of[label] for label in languages]
