"""Adapters: encoders that cannot be trained (an API, the offline encoder) get a small map behind them that can.

`fit_adapter` learns one from parallel texts in seconds, with the losses that train models; applying one needs NumPy
alone. Learning lives in `clinometer.training`; its names are loaded at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from clinometer.adapters.adapter import KINDS, Adapter, load
from clinometer.adapters.encoder import AdaptedEncoder

if TYPE_CHECKING:
    from clinometer.training.adapter_centering import centering_adapter
    from clinometer.training.adapter_fit import fit_adapter, train_adapter
    from clinometer.training.adapter_samples import EmbeddedSamples, embed_samples

__all__ = [
    "KINDS",
    "AdaptedEncoder",
    "Adapter",
    "EmbeddedSamples",
    "centering_adapter",
    "embed_samples",
    "fit_adapter",
    "load",
    "train_adapter",
]

_HOMES = {
    "EmbeddedSamples": "adapter_samples",
    "centering_adapter": "adapter_centering",
    "embed_samples": "adapter_samples",
    "fit_adapter": "adapter_fit",
    "train_adapter": "adapter_fit",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"clinometer.training.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
