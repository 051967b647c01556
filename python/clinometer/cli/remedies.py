"""Adapters and corrections on the command line: read, and checked against encoder and collection.

Remedies that do not match are refused before a text is encoded.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clinometer.errors import LanguageError, UsageError
from clinometer.suggestions import one_of

if TYPE_CHECKING:
    from clinometer.collection import Collection

__all__ = ["MODES", "RemedyFiles", "correction_file", "known_languages", "warn"]

MODES = ("given", "unknown", "identify")
"""Languages of queries for a correction: those of the collection, none, or identified ones."""
_OMIT = "leave them out with --languages"


class RemedyFiles:
    """Remedies after the encoder, from the options of a command.

    Args:
        adapter: File or folder of an adapter; None for none.
        correction: File of a correction, or a folder with `correction.npz`; None for none.
        query_languages: `given`, `unknown` or `identify`; None for `given`.

    Raises:
        UsageError: An unknown mode, or a mode without a correction.
    """

    def __init__(self, adapter: Path | None, correction: Path | None, query_languages: str | None = None) -> None:
        if query_languages is not None and query_languages not in MODES:
            raise UsageError(f"--query-languages is {query_languages!r}, but must be {one_of(query_languages, MODES)}")
        if query_languages is not None and correction is None:
            raise UsageError("--query-languages is an option of a correction; give --correction FILE as well")
        self._paths, self._mode = (adapter, correction), query_languages or "given"
        self.adapter: Any = None
        """The adapter, once it is loaded; None for none."""
        self._correction: Any = None

    def __bool__(self) -> bool:
        return self._paths != (None, None)

    def load(self) -> None:
        """Read the files.

        Raises:
            FileNotFoundError: A file does not exist.
            FormatError: A file is not an adapter or not a correction.
        """
        from clinometer.adapters import load as load_adapter
        from clinometer.correction import load as load_correction

        adapter, correction = self._paths
        self.adapter = None if adapter is None else load_adapter(adapter)
        self._correction = None if correction is None else load_correction(correction_file(correction))

    def applied_to(self, encoder: Any, collection: Collection) -> Any:
        """The encoder with the remedies behind it.

        Raises:
            UsageError: The dimensions differ.
            LanguageError: The correction was not fitted on a language of the collection.
            MissingExtraError: Languages must be identified, but the extra `langid` is not installed.
        """
        from clinometer.correction import identify
        from clinometer.correction.remedies import Remedies

        query_languages: Any = self._mode
        if self._correction is not None:
            path = correction_file(self._paths[1])
            known_languages(path, self._correction, "documents", collection.documents.languages, [_OMIT])
            if self._mode == "given":
                fixes = ["use --query-languages unknown", _OMIT]
                known_languages(path, self._correction, "queries", collection.queries.languages, fixes)
            elif self._mode == "identify":
                query_languages = identify(self._correction.query_languages)
        return Remedies(self.adapter, self._correction, query_languages).behind(encoder)

    def on_stores(self, documents: Any, queries: Any, truncate_dim: int | None = None) -> Any:
        """The `clinometer.correction.remedies.Remedies` for rows of two `EmbeddingStore`; None where there are none.

        Args:
            documents: Store of the documents.
            queries: Store of the queries.
            truncate_dim: Number of first components that are used; None for all.

        Raises:
            UsageError: The dimensions differ, or languages must be identified, which needs texts.
            LanguageError: The correction was not fitted on a language of the stores.
        """
        from clinometer.correction.remedies import Remedies
        from clinometer.store.lookup import language_codes

        if self._mode == "identify":
            raise UsageError("--query-languages identify needs the texts of queries; use given or unknown with stores")
        if self._correction is not None:
            path = correction_file(self._paths[1])
            sides = {"documents": documents} | ({"queries": queries} if self._mode == "given" else {})
            for side, store in sides.items():
                # The labels of all rows are read only if they must be counted.
                if self._correction.unknown_rows(list(language_codes([store])[0]), side):
                    fixes = ["use --query-languages unknown"] if side == "queries" else []
                    known_languages(path, self._correction, side, store.languages, fixes)
        mode: Any = self._mode
        return Remedies(self.adapter, self._correction, mode, truncate_dim=truncate_dim) or None


def correction_file(path: Any) -> Path:
    """The file of a correction; in a folder it is `correction.npz`."""
    return path / "correction.npz" if path.is_dir() else Path(path)


def known_languages(
    path: Path, correction: Any, side: Any, languages: Iterable[str], fixes: Sequence[str] = ()
) -> None:
    """Refuse languages of texts that the correction was not fitted on; `fixes` is what helps besides fitting again.

    Raises:
        LanguageError: The message names all such languages, with their numbers of texts.
    """
    if unknown_counts := correction.unknown_rows(list(languages), side):
        labels = ", ".join(f"{label} ({count})" for label, count in unknown_counts.items())
        raise LanguageError(
            f"{path} was not fitted on {side} in {labels}; it knows {', '.join(correction.labels(side))}; fit it again "
            + ", or ".join(["with texts of these languages", *fixes])
        )


def warn(sentences: Iterable[str]) -> None:
    """Write warnings to standard error."""
    for sentence in sentences:
        sys.stderr.write(f"warning: {sentence}\n")
