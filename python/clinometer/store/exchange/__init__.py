"""Stores out of other forms and into them: safetensors, parquet, faiss flat indexes, `.npy`, pgvector.

Embeddings cross as they are: no scaling, no rounding beyond the data type asked for. A form that cannot hold what a
store holds is refused.
"""

from __future__ import annotations

from clinometer.store.exchange.exporting import export_store
from clinometer.store.exchange.forms import FORMATS, Format
from clinometer.store.exchange.importing import import_store
from clinometer.store.exchange.rowblocks import Columns

__all__ = ["FORMATS", "Columns", "Format", "export_store", "import_store"]
