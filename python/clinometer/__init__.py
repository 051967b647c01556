"""clinometer: how far a multilingual retriever leans towards one language of a mixed-language pool.

One scan over the documents counts, for every relevant document and every pool language, what scores above it; every
scenario and measure is arithmetic on these counts.
"""

TYPE_CHECKING = False  # as in typing, whose import alone takes longer than the start of Python

if TYPE_CHECKING:
    from clinometer import pools
    from clinometer.analysis import Analysis
    from clinometer.analysis.run import analyse
    from clinometer.collection import Collection, CollectionBuilder
    from clinometer.comparison import Comparison, compare
    from clinometer.comparison.correlation import Correlation, correlate
    from clinometer.encoders import encoder
    from clinometer.evaluation import evaluate
    from clinometer.evaluation.abstention import abstention
    from clinometer.evaluation.results import Evaluation
    from clinometer.io import load
    from clinometer.measures.from_counts import measure
    from clinometer.pools import pool_growth
    from clinometer.scanning.counts import RankCounts, TopK
    from clinometer.scanning.scan import Scan, rank_relevant, scan, search
    from clinometer.scorers import scan_scores
    from clinometer.store import EmbeddingStore

    __version__: str

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
    "abstention",
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

_MODULES = {
    "Analysis": "clinometer.analysis",
    "Collection": "clinometer.collection",
    "CollectionBuilder": "clinometer.collection",
    "Comparison": "clinometer.comparison",
    "Correlation": "clinometer.comparison.correlation",
    "EmbeddingStore": "clinometer.store",
    "Evaluation": "clinometer.evaluation.results",
    "RankCounts": "clinometer.scanning.counts",
    "Scan": "clinometer.scanning.scan",
    "TopK": "clinometer.scanning.counts",
    "abstention": "clinometer.evaluation.abstention",
    "analyse": "clinometer.analysis.run",
    "compare": "clinometer.comparison",
    "correlate": "clinometer.comparison.correlation",
    "encoder": "clinometer.encoders",
    "evaluate": "clinometer.evaluation",
    "load": "clinometer.io",
    "measure": "clinometer.measures.from_counts",
    "pool_growth": "clinometer.pools",
    "rank_relevant": "clinometer.scanning.scan",
    "scan": "clinometer.scanning.scan",
    "scan_scores": "clinometer.scorers",
    "search": "clinometer.scanning.scan",
}
"""Module of each public name. Names are imported when they are first used, so that a command that is interrupted in its
first moments has begun, and can say so in one line.
"""

if not TYPE_CHECKING:  # or any name would pass for one of these

    def __getattr__(name):
        from importlib import import_module

        if name == "__version__":
            from importlib.metadata import version

            value = version("clinometer")
        elif name in _MODULES:
            value = getattr(import_module(_MODULES[name]), name)
        elif name.startswith("_"):
            raise AttributeError(f"module 'clinometer' has no attribute {name!r}")
        else:
            try:
                value = import_module(f"clinometer.{name}")
            except ModuleNotFoundError as error:
                if error.name != f"clinometer.{name}":
                    raise
                raise AttributeError(f"module 'clinometer' has no attribute {name!r}") from None
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
