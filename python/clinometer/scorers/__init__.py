"""Scorers: everything that can be evaluated, encoders as well as retrievers that yield scores or lists only.

`clinometer.evaluate` takes what `scorer` takes: a name, an encoder, stored embeddings, or any object that satisfies the
protocol `Scorer`. Scorers without embeddings pass their scores to `scan_scores`, which counts as the scan of embeddings
does.
"""

from __future__ import annotations

from clinometer.scorers.base import ScanOptions, Scored, Scorer
from clinometer.scorers.bm25 import BM25Scorer
from clinometer.scorers.counting import scan_scores
from clinometer.scorers.embedded import EmbeddedScorer
from clinometer.scorers.factory import score, scorer
from clinometer.scorers.late_interaction import LateInteractionScorer
from clinometer.scorers.score_matrix import MatrixScorer
from clinometer.scorers.stored import StoredEmbeddings
from clinometer.scorers.trec_run import RunScorer

__all__ = [
    "BM25Scorer",
    "EmbeddedScorer",
    "LateInteractionScorer",
    "MatrixScorer",
    "RunScorer",
    "ScanOptions",
    "Scored",
    "Scorer",
    "StoredEmbeddings",
    "scan_scores",
    "score",
    "scorer",
]
