"""clinometer: how far a multilingual retriever leans towards one language when documents of several languages lie in one pool.

One scan over the documents counts, for every relevant document and every pool language, what scores above it; every scenario and measure
is arithmetic on these counts.
"""

from importlib.metadata import version

from clinometer.collection import Collection, CollectionBuilder
from clinometer.counts import RankCounts, TopK
from clinometer.scan import Scan, rank_relevant, scan, search

__all__ = [
    "Collection",
    "CollectionBuilder",
    "RankCounts",
    "Scan",
    "TopK",
    "rank_relevant",
    "scan",
    "search",
]

__version__ = version("clinometer")
