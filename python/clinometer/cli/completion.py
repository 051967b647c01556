"""What the shell offers for the value of an option: the choices that its metavariable or the package names."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import get_args

__all__ = [
    "completing",
    "encoders",
    "losses",
    "measures",
    "methods",
    "queries_by",
    "query_languages",
    "query_sets",
    "scenarios",
    "sources",
    "tie_modes",
]

Completion = Callable[[str], list[str]]

_CHOICES = re.compile(r"[a-z0-9][a-z0-9-]*(\|[a-z0-9][a-z0-9-]*)+")


def completing(metavar: str | None) -> Completion | None:
    """The completion of an option whose metavariable lists its values, such as `pivot|all`; None for another.

    Example:
        >>> completing("cosine|dot|hamming")("d"), completing("FILE|DIR")
        (['dot'], None)
    """
    if metavar is None or not _CHOICES.fullmatch(metavar):
        return None
    choices = metavar.split("|")

    def complete(incomplete: str) -> list[str]:
        return _beginning(choices, incomplete)

    return complete


def _beginning(choices: Sequence[str], text: str) -> list[str]:
    return [choice for choice in choices if choice.startswith(text)]


def _listed(choices: Sequence[str], text: str) -> list[str]:
    """Completions of the last name of a list with commas, which keep the others."""
    others, comma, last = text.rpartition(",")
    taken = others.split(",")
    return [f"{others}{comma}{choice}" for choice in _beginning(choices, last) if choice not in taken]


def sources(incomplete: str) -> list[str]:
    """Forms of sources; what follows the colon is for the shell."""
    from clinometer.io import FORMS

    return _beginning([name if name == "demo" else f"{name}:" for name in FORMS], incomplete)


def encoders(incomplete: str) -> list[str]:
    """Encoders with a name of their own, and well-known models."""
    from clinometer.encoders.hub import WELL_KNOWN

    return _beginning(list(dict.fromkeys(("offline", "bm25", "precomputed", *WELL_KNOWN))), incomplete)


def scenarios(incomplete: str) -> list[str]:
    """Scenarios, in a list."""
    from clinometer.scenarios import SCENARIOS

    return _listed(list(SCENARIOS), incomplete)


def measures(incomplete: str) -> list[str]:
    """Measures, in a list."""
    from clinometer.measures import KNOWN

    return _listed(list(KNOWN), incomplete)


def methods(incomplete: str) -> list[str]:
    """Methods of a correction."""
    from clinometer.correction import METHODS

    return _beginning([*METHODS, "auto"], incomplete)


def tie_modes(incomplete: str) -> list[str]:
    """Orders of ties."""
    from clinometer.scanning.counts import TIE_MODES

    return _beginning(TIE_MODES, incomplete)


def query_sets(incomplete: str) -> list[str]:
    """Queries of the means."""
    from clinometer.scenarios.options import QUERY_SETS

    return _beginning(list(QUERY_SETS), incomplete)


def query_languages(incomplete: str) -> list[str]:
    """Languages of queries for a correction."""
    from clinometer.cli.remedies import MODES

    return _beginning(MODES, incomplete)


def queries_by(incomplete: str) -> list[str]:
    """Texts that queries are corrected by."""
    from clinometer.correction.center import QueryMeans

    return _beginning(get_args(QueryMeans), incomplete)


def losses(incomplete: str) -> list[str]:
    """Losses of a training."""
    from clinometer.training.recipes import RECIPES

    return _beginning(list(RECIPES), incomplete)
