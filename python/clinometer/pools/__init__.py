"""Realistic pools: a collection turned into one that is as uneven as users' collections are.

Each function takes a collection and a seed and returns another collection, the same one for the same input; its notes
record the changes. A smaller draw is always a subset of a larger one.
"""

from __future__ import annotations

from clinometer.pools.distractors import distract
from clinometer.pools.duplicates import near_duplicates
from clinometer.pools.generated import generated
from clinometer.pools.grammar import FORMS, Step, apply, parse
from clinometer.pools.growth import pool_growth
from clinometer.pools.nested import evaluate_pools
from clinometer.pools.originals import untranslated
from clinometer.pools.shares import skew
from clinometer.pools.switched import code_switch
from clinometer.pools.translations import translate_partly

__all__ = [
    "FORMS",
    "Step",
    "apply",
    "code_switch",
    "distract",
    "evaluate_pools",
    "generated",
    "near_duplicates",
    "parse",
    "pool_growth",
    "skew",
    "translate_partly",
    "untranslated",
]
