"""What the definition of a measure consists of: names, option, needs, and a formula over placements or result lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from clinometer.measures.placements import Placements
from clinometer.measures.ties import Vector

__all__ = ["Formula", "Kind", "ListFormula", "Listed", "Need", "Option", "Perspective"]

Need = Literal["counts", "leader", "lists", "settings"]
"""What a measure is made from: counts alone; counts, and which unrelated document leads; result lists; two settings."""


class Perspective(NamedTuple):
    """The languages that a measure speaks of in a setting.

    Args:
        pivot: The language whose inclination is measured.
        query_language: Language of the queries.
        other_language: The other language of the pair; None where there is no pair: in a pool of one language, and for
            the pivot's queries in a pool of many.
        leading: `(q,)`: what `four_way` needs to know of the top beyond placements; None where it is not known.
    """

    pivot: str
    query_language: str
    other_language: str | None
    leading: Vector | None = None


class Listed(Protocol):
    """The documents of result lists of q queries, best first; each part is made when a measure reads it."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Labels that the codes stand for."""
        ...

    @property
    def pool(self) -> tuple[str, ...]:
        """Languages of the pool."""
        ...

    @property
    def codes(self) -> NDArray[np.int64]:
        """`(q, k)`: language of each document, as an index into `languages`; -1 where the pool has fewer."""
        ...

    @property
    def related(self) -> NDArray[np.bool_]:
        """`(q, k)`: whether it is a relevant document of the query or a duplicate of one."""
        ...

    @property
    def judged(self) -> NDArray[np.bool_]:
        """`(q, k)`: whether it has a judgement for the query, of whatever grade."""
        ...


Formula = Callable[[Placements, int | None, str, Perspective], Vector | None]
"""From placements, cutoff and the option's value to `(q,)`; None where a setting does not define the measure."""

ListFormula = Callable[[Listed, int, str, Perspective], Vector | None]


class Option(NamedTuple):
    """What may be in a measure's brackets.

    Args:
        key: Name of the option.
        expects: What to write, for errors.
        read: The canonical spelling of a value; values that it cannot read are returned as they are.
        accepts: Whether a value in canonical spelling can be used.
        usual: The value that is meant where nothing is in brackets, and is not written out.
        required: Whether something must be in brackets.
        bare: Whether the value is written without the key.
        shown: How people see a value.
        leader: Values with which the measure needs to know which unrelated document leads.
        mirrored: Values with which a one-sided pool holds the answers in the other language only.
        is_measure: Whether the value is the name of another measure.
    """

    key: str
    expects: str
    read: Callable[[str], str] = str.lower
    accepts: Callable[[str], bool] = bool
    usual: str = ""
    required: bool = False
    bare: bool = False
    shown: str = "{}"
    leader: tuple[str, ...] = ()
    mirrored: tuple[str, ...] = ()
    is_measure: bool = False


class Kind(NamedTuple):
    """What all measures of one name have in common.

    Args:
        display: Name for people.
        cutoff: Whether its name takes a depth.
        higher_is_better: None where a value says which way, not how good.
        unit: `0-1`, `share` (0-1), `%` (0-100), `rank`, `log2 ranks` or `documents`.
        summary: One sentence, with slots in braces for cutoff and option.
        formula: From placements to one value per query, or from result lists; None for a measure of two settings.
        spellings: Further spellings that are read, in lower case.
        forms: Examples of every form of its name, in canonical spelling.
        needs: What the formula is made from.
        option: What may be in brackets; None for nothing.
        zero_is_best: Whether values are better the nearer they are to 0, on either side.
    """

    display: str
    cutoff: Literal["required", "optional", "never"]
    higher_is_better: bool | None
    unit: str
    summary: str
    formula: Formula | ListFormula | None
    spellings: tuple[str, ...]
    forms: tuple[str, ...]
    needs: Need = "counts"
    option: Option | None = None
    zero_is_best: bool = False
