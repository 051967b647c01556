"""clinometer in sentence-transformers: an evaluator for any training loop.

Torch is imported when the evaluator is first used; without it, its name says which extra installs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clinometer.errors import MissingExtraError

if TYPE_CHECKING:
    from clinometer.training.evaluator.mixed_pool import MixedPoolEvaluator

__all__ = ["MixedPoolEvaluator"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import sentence_transformers  # noqa: F401
        import torch  # noqa: F401
    except ImportError:
        raise MissingExtraError(f"the evaluator {name}", "models") from None
    from clinometer.training.evaluator import mixed_pool

    return getattr(mixed_pool, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
