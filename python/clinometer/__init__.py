"""clinometer: how far a multilingual retriever leans towards one language of a mixed-language pool.

One scan over the documents counts, for every relevant document and every pool language, what scores above it; every
scenario and measure is arithmetic on these counts.
"""

from importlib.metadata import version

from clinometer import pools
from clinometer.analysis import Analysis
from clinometer.analysis.run import analyse
from clinometer.collection import Collection, CollectionBuilder
from clinometer.comparison import Comparison, compare
from clinometer.comparison.correlation import Correlation, correlate
from clinometer.encoders import encoder
from clinometer.evaluation import evaluate
from clinometer.evaluation.results import Evaluation
from clinometer.io import load
from clinometer.measures.from_counts import measure
from clinometer.pools import pool_growth
from clinometer.scanning.counts import RankCounts, TopK
from clinometer.scanning.scan import Scan, rank_relevant, scan, search
from clinometer.scorers import scan_scores
from clinometer.store import EmbeddingStore

__all__ = [
    "Analysis",
    "Collection",
    "CollectionBuilder",
    "Comparison",
    "Correlation",
    "EmbeddingStore",
    "Evaluation",
    "RankCounts",
    "Scan",
    "TopK",
    "analyse",
    "compare",
    "correlate",
    "encoder",
    "evaluate",
    "load",
    "measure",
    "pool_growth",
    "pools",
    "rank_relevant",
    "scan",
    "scan_scores",
    "search",
]

__version__ = version("clinometer")


def __dir__() -> list[str]:
    return sorted(__all__)
