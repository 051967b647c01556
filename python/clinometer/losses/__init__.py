"""Losses that bring the languages of an encoder together, for a plain `SentenceTransformerTrainer`.

Torch is imported when a loss is first used, never by `import clinometer`; without it every name here says which extra
installs it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from clinometer.errors import MissingExtraError

if TYPE_CHECKING:
    from clinometer.losses.alignment import CrossLingualAlignmentLoss
    from clinometer.losses.cached import GradCachedLoss
    from clinometer.losses.clear import ClearLoss
    from clinometer.losses.columns import ColumnLoss
    from clinometer.losses.combined import CombinedLoss
    from clinometer.losses.distillation import DistillationLoss
    from clinometer.losses.jsd import distribution_jsd, embedding_jsd, jsd_distance
    from clinometer.losses.lakda import LakdaLoss
    from clinometer.losses.nce import info_nce
    from clinometer.losses.relational import RelationalDistillationLoss
    from clinometer.losses.similarity import SimilarityAlignmentLoss

__all__ = [
    "ClearLoss",
    "ColumnLoss",
    "CombinedLoss",
    "CrossLingualAlignmentLoss",
    "DistillationLoss",
    "GradCachedLoss",
    "LakdaLoss",
    "RelationalDistillationLoss",
    "SimilarityAlignmentLoss",
    "distribution_jsd",
    "embedding_jsd",
    "info_nce",
    "jsd_distance",
]

_HOMES = {
    "ClearLoss": "clear",
    "ColumnLoss": "columns",
    "CombinedLoss": "combined",
    "CrossLingualAlignmentLoss": "alignment",
    "DistillationLoss": "distillation",
    "GradCachedLoss": "cached",
    "LakdaLoss": "lakda",
    "RelationalDistillationLoss": "relational",
    "SimilarityAlignmentLoss": "similarity",
    "distribution_jsd": "jsd",
    "embedding_jsd": "jsd",
    "info_nce": "nce",
    "jsd_distance": "jsd",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import sentence_transformers  # noqa: F401
        import torch  # noqa: F401
    except ImportError:
        raise MissingExtraError(f"the loss {name}", "train") from None
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
