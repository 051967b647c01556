"""The test collection: documents, queries and graded judgements, each with its language and parallel group."""

from clinometer.collection.base import Collection, Texts
from clinometer.collection.builder import CollectionBuilder

__all__ = ["Collection", "CollectionBuilder", "Texts"]
