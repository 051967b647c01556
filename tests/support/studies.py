"""A tiny study on disk: a collection of four documents, embeddings of two encoders, and the file that describes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

STUDY = """\
name: tiny
by: A. Tester
encoders:
  - name: straight
    encoder: precomputed
    queries: {folder}/queries.npy
    documents: {folder}/documents.npy
    note: made by hand
  - encoder: bm25
collections:
  - name: four
    source: beir:{folder}
remedies:
  - name: center
    method: center
    sample: 2
    shrinkage: 0.5
seeds: [0, 1]
evaluate:
  resamples: 50
  measures: Complete@10,nDCG@1,Intrusion
"""


def write_study(folder: Path, path: Path, text: str = STUDY) -> Path:
    """The file of a study on the collection in a folder; returns its path."""
    draw = np.random.default_rng(0)
    for side in ("queries", "documents"):
        rows = np.load(folder / f"{side}.npy")
        np.save(folder / f"{side}.npy", rows + draw.normal(scale=0.1, size=rows.shape).astype(np.float32))
    path.write_text(text.replace("{folder}", str(folder)), encoding="utf-8")
    return path
