"""Evaluators for the training loop of sentence-transformers, over the evaluation of this package.

Torch is imported when an evaluator is first asked for, never by `import clinometer`; without it every name here says
which extra brings it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from clinometer.errors import MissingExtraError

if TYPE_CHECKING:
    from clinometer.evaluators.mixed_pool import MixedPoolEvaluator

__all__ = ["MixedPoolEvaluator"]

_HOMES = {"MixedPoolEvaluator": "mixed_pool"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import sentence_transformers  # noqa: F401
        import torch  # noqa: F401
    except ImportError:
        raise MissingExtraError(f"the evaluator {name}", "models") from None
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
