"""Import and export of stores: safetensors, parquet, faiss flat indexes, `.npy`, pgvector.

Embeddings are copied unchanged: no scaling, and no rounding except by the requested data type. A format that cannot
hold the contents of a store is refused.
"""

from __future__ import annotations

from clinometer.store.exchange.exporting import export_store
from clinometer.store.exchange.formats import FORMATS, Format
from clinometer.store.exchange.importing import import_store
from clinometer.store.exchange.row_source import Columns

__all__ = ["FORMATS", "Columns", "Format", "export_store", "import_store"]
