"""Adapters: encoders that cannot be trained (an API, the offline encoder) get a small map behind them that can.

`fit_adapter` learns one from parallel texts in seconds, with the losses that train models; applying one needs NumPy
alone.
"""

from __future__ import annotations

from clinometer.adapters.adapter import KINDS, Adapter, load
from clinometer.adapters.encoder import AdaptedEncoder
from clinometer.adapters.fit import fit_adapter, train_adapter
from clinometer.adapters.samples import EmbeddedSamples, embed_samples

__all__ = [
    "KINDS",
    "AdaptedEncoder",
    "Adapter",
    "EmbeddedSamples",
    "embed_samples",
    "fit_adapter",
    "load",
    "train_adapter",
]
