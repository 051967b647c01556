"""Translations that are in an index, found by their embeddings, and what is made of them: a turn, an expansion.

`mine` finds the pairs, `turned` fits a turn and `expanded` makes an expansion of an index in memory or in a store.
Nothing here knows texts or measures.
"""

from __future__ import annotations

from clinometer.mining.expanding import expanded
from clinometer.mining.pairs import mine
from clinometer.mining.turning import turned

__all__ = ["expanded", "mine", "turned"]
