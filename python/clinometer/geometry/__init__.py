"""Measures of the embeddings themselves: how the texts of two languages lie relative to each other, before any ranking.

Arrays in, numbers out, in float64: row i of one array and row i of the other are the embeddings of a text and of its
translation. Nothing here needs torch, and nothing here measures a ranking; `evaluate` does.
"""

from __future__ import annotations

from clinometer.geometry.alignment import bitext_accuracy, language_gap_norm, linear_cka, margin, mexa
from clinometer.geometry.isotropy import Isotropy, isotropy
from clinometer.geometry.mismatch import Mismatch, embedding_mismatch
from clinometer.geometry.pairs import Read
from clinometer.geometry.table import MEASURES, GeometryMeasure, alignment_table

__all__ = [
    "MEASURES",
    "GeometryMeasure",
    "Isotropy",
    "Mismatch",
    "Read",
    "alignment_table",
    "bitext_accuracy",
    "embedding_mismatch",
    "isotropy",
    "language_gap_norm",
    "linear_cka",
    "margin",
    "mexa",
]
