"""Adapters: encoders that cannot be trained (an API, the offline encoder) get a small map behind them that can.

`fit_adapter` learns one from parallel texts in seconds, with the losses that train models; applying one needs NumPy
alone. Learning lives in `clinometer.training`; its names are loaded at first use.
"""

from __future__ import annotations

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


def __getattr__(name: str) -> Any:
    if name in ("fit_adapter", "train_adapter"):
        from clinometer.training import adapter_fit

        return getattr(adapter_fit, name)
    if name == "centering_adapter":
        from clinometer.training import adapter_centering

        return adapter_centering.centering_adapter
    if name in ("EmbeddedSamples", "embed_samples"):
        from clinometer.training import adapter_samples

        return getattr(adapter_samples, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
