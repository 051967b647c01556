"""The embedding of a text before the model scales it to length one.

A model is always called as a whole, so wrappers (distributed training), prompts and routers keep working; what its last
`Normalize` module was given is read on the way. Works alike in sentence-transformers 5.4 and 6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sentence_transformers.sentence_transformer.modules import Normalize, Router
from torch import Tensor, nn

from clinometer.errors import UsageError

__all__ = ["before_normalize", "embed_raw", "pick_raw"]


def embed_raw(model: Any, features: Mapping[str, Any]) -> Tensor:
    """The pooled vectors of one column, `(rows, d)`, before a trailing `Normalize` module.

    A model that does not end in `Normalize` gives what it gives to everybody: its output is the raw vector already.

    Args:
        model: A SentenceTransformer, wrapped or not.
        features: What the trainer passes for one column; it is not changed.

    Raises:
        UsageError: The model runs as `DataParallel`, or is patched to shorten its output (`MatryoshkaLoss`).
    """
    with before_normalize(model) as seen:
        output = model(dict(features))["sentence_embedding"]
    return pick_raw(seen, output)


@contextmanager
def before_normalize(model: Any) -> Iterator[list[Tensor]]:
    """A list that receives what the trailing `Normalize` is given, for each call of the model inside the block."""
    seen: list[Tensor] = []

    def read(_: nn.Module, arguments: tuple[Any, ...]) -> None:
        if (vectors := arguments[0].get("sentence_embedding")) is not None:
            seen.append(vectors)

    handles = [module.register_forward_pre_hook(read) for module in _normalizers(list(_unwrapped(model).children()))]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def pick_raw(seen: Sequence[Tensor], output: Tensor) -> Tensor:
    """What was read in one call of the model, or its output if it does not normalise."""
    if not seen:
        return output
    if len(seen) > 1:
        raise UsageError(
            "one call of the model ran on several devices (DataParallel), where raw embeddings cannot be read; "
            "start one process per device with torchrun or accelerate"
        )
    if seen[0].shape != output.shape:
        raise UsageError(
            f"the model's output has shape {tuple(output.shape)}, but the vectors before Normalize "
            f"{tuple(seen[0].shape)}; use this loss without a wrapper that shortens embeddings, such as MatryoshkaLoss"
        )
    return seen[0]


def _unwrapped(model: Any) -> Any:
    for name in ("_orig_mod", "module"):  # torch.compile, distributed wrappers
        if isinstance(inner := getattr(model, name, None), nn.Module):
            return _unwrapped(inner)
    return model


def _normalizers(modules: list[nn.Module]) -> list[nn.Module]:
    """The first of the `Normalize` modules that the model, or each route of its router, ends in."""
    if not modules:
        return []
    last = modules[-1]
    if isinstance(last, Router):
        return [found for route in last.sub_modules.values() for found in _normalizers([*route.children()])]
    if isinstance(last, Normalize):
        return _normalizers(modules[:-1]) or [last]
    return []
