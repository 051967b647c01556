"""Steps done one after another: from a collection and texts such as `skew(en=0.9, de=0.05)` to the pool meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from clinometer.collection import Collection
from clinometer.io import load
from clinometer.pools.distractors import distract
from clinometer.pools.duplicates import near_duplicates
from clinometer.pools.grammar import Step, parse
from clinometer.pools.originals import untranslated
from clinometer.pools.shares import skew
from clinometer.pools.switched import code_switch
from clinometer.pools.translations import translate_partly

__all__ = ["apply"]

_STEPS: dict[str, Callable[..., Collection]] = {
    "skew": skew,
    "translate_partly": translate_partly,
    "near_duplicates": near_duplicates,
    "untranslated": untranslated,
    "code_switch": code_switch,
    "distract": distract,
}
_OF_PIVOT = ("translate_partly", "untranslated", "code_switch")


def apply(collection: Collection, steps: Iterable[str | Step], *, pivot: str = "en") -> Collection:
    """Do steps in the order given.

    Args:
        collection: What to begin with.
        steps: Texts that `clinometer.pools.grammar.parse` reads, or steps that it has read.
        pivot: For steps that speak of a pivot and name none.

    Returns:
        The pool; its notes describe each step.

    Raises:
        UsageError: Steps that cannot be read, all of them named, or arguments that do not fit the collection.
        ClinometerError: What reading the source of a distractor may raise.

    Example:
        >>> import clinometer as cm
        >>> demo = cm.load("demo", languages=["en", "de"])
        >>> pool = cm.pools.apply(demo, ["skew(en=0.8)", "near-duplicates(0.1)"])
        >>> pool.notes["pool_1"]["documents"], pool.notes["pool_2"]["near-duplicates"]
        ('en 74, de 19', 'en 7, de 2')
    """
    given = list(steps)
    read = iter(parse([step for step in given if isinstance(step, str)]))
    for step in [next(read) if isinstance(item, str) else item for item in given]:
        options = dict(step.options)
        if step.name in _OF_PIVOT:
            options.setdefault("pivot", pivot)
        if step.name == "distract":
            options["others"] = _loaded(options["others"])
        collection = _STEPS[step.name](collection, **options)
    return collection


def _loaded(sources: Mapping[str, str | Path]) -> dict[str, Collection]:
    return {name: load(source) for name, source in sources.items()}
