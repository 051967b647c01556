"""Stored embeddings: encode once, then scan, correct and compare without the model.

A store is a folder of `.npy` shards with a manifest. However a writer ends, the store holds every finished shard and
no partial one.
"""

from __future__ import annotations

from clinometer.store.encoding import default_shard_rows, fill, open_writer
from clinometer.store.manifest import STAGES, Dtype, Manifest, Shard, Stage
from clinometer.store.merging import merge
from clinometer.store.reader import EmbeddingStore, find_store, stores_in
from clinometer.store.rowfiles import digest_of
from clinometer.store.writer import StoreWriter

__all__ = [
    "STAGES",
    "Dtype",
    "EmbeddingStore",
    "Manifest",
    "Shard",
    "Stage",
    "StoreWriter",
    "default_shard_rows",
    "digest_of",
    "fill",
    "find_store",
    "merge",
    "open_writer",
    "stores_in",
]
