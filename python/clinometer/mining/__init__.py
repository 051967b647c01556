"""Translations that are in an index, found by their embeddings, and the turn that is fitted on them.

`mine` finds the pairs, `turned` fits a turn on an index in memory or in a store. Nothing here knows texts or measures.
"""

from __future__ import annotations

from clinometer.mining.pairs import mine
from clinometer.mining.turning import turned

__all__ = ["mine", "turned"]
