"""Parts of the definition of a measure: names, option, needs, and a formula over placements or result lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from clinometer.measures.placements import Placements
from clinometer.measures.ties import Vector

__all__ = ["RANGES", "Formula", "Kind", "ListFormula", "Listed", "Need", "Option", "Perspective"]

Need = Literal["counts", "leader", "lists", "settings"]
"""Input of a measure: counts alone; counts and the leading unrelated document; result lists; two settings."""


RANGES: dict[str, tuple[float, float]] = {
    "0-1": (0.0, 1.0),
    "share": (0.0, 1.0),
    "%": (0.0, 100.0),
    "rank": (1.0, np.inf),
    "documents": (0.0, np.inf),
}
"""The least and the largest possible value by unit; other units have no bounds."""


class Perspective(NamedTuple):
    """The languages that a measure compares in a setting.

    Args:
        pivot: Language towards which bias is measured.
        query_language: Language of the queries.
        other_language: The other language of the pair; None without a pair: in a pool of one language, and for the
            pivot's queries in a pool of many.
        leading: `(q,)`: as for `four_way`; None if unknown.
    """

    pivot: str
    query_language: str
    other_language: str | None
    leading: Vector | None = None


class Listed(Protocol):
    """The documents of result lists of q queries, best first; each part is made when a measure reads it.

    Args:
        codes: `(q, k)`: language of each document, as an index into `languages`; -1 past the last one retrieved.
        related: `(q, k)`: whether it is a relevant document of the query or a duplicate of one.
        judged: `(q, k)`: whether it has a judgement of any grade for the query.
        languages: Labels of the codes.
        pool: Languages of the pool.
    """

    codes: NDArray[np.int64]
    related: NDArray[np.bool_]
    judged: NDArray[np.bool_]
    languages: tuple[str, ...]
    pool: tuple[str, ...]


Formula = Callable[[Placements, int | None, str, Perspective], Vector | None]
"""From placements, cutoff and the option's value to `(q,)`; None if a setting does not define the measure."""

ListFormula = Callable[[Listed, int, str, Perspective], Vector | None]


class Option(NamedTuple):
    """Option of a measure, in the brackets after its name.

    Args:
        key: Name of the option.
        expects: Accepted values, for errors.
        read: Function from a value to its canonical spelling; other values are returned unchanged.
        accepts: Whether a value in canonical spelling is accepted.
        default: Value without brackets; it is not written out.
        required: Whether a value must be in brackets.
        bare: Whether the value is written without the key.
        shown: Format of a displayed value.
        leader: Values with which the measure needs the leading unrelated document.
        mirrored: Values with which a one-sided pool holds the answers in the other language only.
        is_measure: Whether the value is the name of another measure.
    """

    key: str
    expects: str
    read: Callable[[str], str] = str.lower
    accepts: Callable[[str], bool] = bool
    default: str = ""
    required: bool = False
    bare: bool = False
    shown: str = "{}"
    leader: tuple[str, ...] = ()
    mirrored: tuple[str, ...] = ()
    is_measure: bool = False


class Kind(NamedTuple):
    """Properties of all measures of one name.

    Args:
        display: Displayed name.
        cutoff: Whether the name takes a cutoff.
        higher_is_better: Whether larger values are better; None if a value shows a direction, not a quality.
        unit: `0-1`, `share` (0-1), `%` (0-100), `rank`, `log2 ranks` or `documents`.
        summary: One sentence, with slots in braces for cutoff and option.
        formula: From placements to one value per query, or from result lists; None for a measure of two settings.
        spellings: Further spellings, in lower case.
        forms: Examples of every form of the name, in canonical spelling.
        needs: Input of the formula.
        option: Option in brackets; None for none.
        filters: Further options in brackets, that choose which documents count.
        judged_only: Whether the pool is always that of the documents judged for each query.
        zero_is_best: Whether values are better the closer they are to 0, on either side.
        least: Least possible value; None for that of the unit.
        zero_without_answers: Whether the value of a query without relevant documents may be taken as 0, as in
            trec_eval.
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
    filters: tuple[Option, ...] = ()
    judged_only: bool = False
    zero_is_best: bool = False
    least: float | None = None
    zero_without_answers: bool = False
