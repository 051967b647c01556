"""Correction without training: stored embeddings are moved by language, in a minute and without the model.

`fit` fits a correction on a sample of embeddings, `Correction.apply` changes any number of others, and
`CorrectedEncoder` lets an evaluation show the effect. `clinometer.mining.turned` adds a turn to a centering, and
`clinometer.mining.expanded` blends the documents of an index with their translations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from inspect import signature
from typing import Any

from numpy.typing import ArrayLike

from clinometer.correction.base import Correction, load
from clinometer.correction.calibrate import Calibration
from clinometer.correction.center import Center
from clinometer.correction.encoder import CorrectedEncoder
from clinometer.correction.expansion import Expansion
from clinometer.correction.identification import Identifier, identify
from clinometer.correction.lir import Lir
from clinometer.correction.mined import MinedPairs
from clinometer.correction.query_shift import QueryShift
from clinometer.correction.sample import PARALLEL, choose
from clinometer.correction.shift import Shift
from clinometer.correction.turn import Turn
from clinometer.errors import UsageError
from clinometer.parameters import checked, refuse_unknown_options
from clinometer.suggestions import one_of

__all__ = [
    "METHODS",
    "Calibration",
    "Center",
    "CorrectedEncoder",
    "Correction",
    "Expansion",
    "Identifier",
    "Lir",
    "MinedPairs",
    "QueryShift",
    "Shift",
    "Turn",
    "check_method",
    "check_options",
    "choose",
    "fit",
    "identify",
    "load",
]

METHODS = {
    "center": "subtract each language's mean, and the directions in which the means differ; any texts will do",
    "lir": "remove the leading components of each language's embeddings; any texts will do",
    "shift": "subtract each language's mean translation difference to the pivot; needs translated texts",
    "query-shift": "SHIFT as its authors run it: a moved copy of each document for every language of queries; needs "
    "translated texts",
    "calibrate": "subtract each language's mean score from the scores of its documents; needs sample queries",
}

_FIT_OF: dict[str, Any] = {
    "center": Center.fit,
    "lir": Lir.fit,
    "shift": Shift.fit,
    "query-shift": QueryShift.fit,
    "calibrate": Calibration.fit,
}

_SAMPLE_ARGUMENTS = ("documents", "languages", "queries", "query_languages", "groups", "query_groups")


@checked
def fit(
    method: str,
    documents: ArrayLike,
    languages: Sequence[str],
    queries: ArrayLike | None = None,
    query_languages: Sequence[str] | None = None,
    *,
    groups: Sequence[Any] | None = None,
    query_groups: Sequence[Any] | None = None,
    **options: Any,
) -> Correction:
    """Fit a correction by the name of its method.

    Args:
        method: One of `METHODS`.
        documents: `(n, d)` embeddings of sample documents; `choose` draws a sample of each language.
        languages: Language of each document.
        queries: `(m, d)` embeddings of sample queries.
        query_languages: Language of each query.
        groups: Parallel group of each document, for `shift` and `query-shift`.
        query_groups: Parallel group of each query, for `shift`.
        **options: Options of the method's `fit`, such as `strength` or `components`. The `sources` of `query-shift` are
            by default the languages of the queries, if there are any.

    Raises:
        UsageError: The method or an option is unknown, or an argument that the method needs is missing.

    Example:
        >>> sample = [[0.8, 0.6, 0.0], [0.8, -0.6, 0.0], [0.0, 0.6, 0.8], [0.0, -0.6, 0.8]]
        >>> correction = fit("lir", sample, ["en", "en", "de", "de"], components=1)
        >>> correction.describe()["documents_fitted"]
        {'de': 2, 'en': 2}
        >>> fit("shift", sample, ["en", "en", "de", "de"])
        Traceback (most recent call last):
        clinometer.errors.UsageError: shift needs translated texts; give groups, the parallel group of each document
    """
    check_options(method, options)
    if (queries is None) != (query_languages is None):
        raise UsageError("queries and query_languages go together; give both or neither")
    if method in PARALLEL and groups is None:
        raise UsageError(f"{method} needs translated texts; give groups, the parallel group of each document")
    if method == "query-shift":
        return QueryShift.fit(documents, languages, groups or (), **{"sources": query_languages, **options})
    if method == "shift":
        if queries is not None and query_groups is None:
            raise UsageError("shift needs translated texts; give query_groups as well")
        return Shift.fit(documents, languages, groups or (), queries, query_languages, query_groups, **options)
    if method == "calibrate" and queries is None:
        raise UsageError("calibrate needs sample queries; give queries and query_languages")
    fitted: Correction = _FIT_OF[method](documents, languages, queries, query_languages, **options)
    return fitted


@checked
def check_method(method: str) -> None:
    """Refuse an unknown method.

    Raises:
        UsageError: The method is unknown; the message names those that exist.
    """
    if method not in METHODS:
        raise UsageError(f"unknown correction {method!r}; expected {one_of(method, METHODS)}")


@checked
def check_options(method: str, options: Iterable[str]) -> None:
    """Refuse an unknown method, and options that its `fit` does not have; there is no need of a sample for that.

    Raises:
        UsageError: The message names those that exist.
    """
    check_method(method)
    option_names = [name for name in signature(_FIT_OF[method]).parameters if name not in _SAMPLE_ARGUMENTS]
    refuse_unknown_options(options, option_names, method)
