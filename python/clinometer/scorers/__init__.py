"""Scorers: retrievers that give scores or lists and no embeddings, evaluated like any encoder.

`clinometer.evaluate` takes whatever satisfies the protocol `Scorer`. Those here bring their scores to `scan_scores`,
which counts as the scan of embeddings does.
"""

from __future__ import annotations

from clinometer.scorers.base import Scored, Scorer
from clinometer.scorers.bm25 import BM25Scorer
from clinometer.scorers.counting import scan_scores
from clinometer.scorers.late_interaction import LateInteractionScorer
from clinometer.scorers.score_matrix import MatrixScorer
from clinometer.scorers.trec_run import RunScorer

__all__ = ["BM25Scorer", "LateInteractionScorer", "MatrixScorer", "RunScorer", "Scored", "Scorer", "scan_scores"]
