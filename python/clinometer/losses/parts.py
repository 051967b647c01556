"""What a loss returns: its terms by name, which a trainer adds up and logs, and other losses may weigh and add."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

from torch import Tensor

__all__ = ["LossParts"]


class LossParts(dict[str, Tensor]):
    """The named terms of a loss, each a scalar with its weight applied; the loss is their sum.

    Multiplied by a number and added to each other by name, so that a loss of sentence-transformers that wraps another
    one and computes with its value (`MatryoshkaLoss`) can wrap the losses of this package, and the trainer still logs
    each term. A scalar that is added becomes a part named `other`.

    Example:
        >>> import torch
        >>> parts = LossParts(jsd=torch.tensor(1.0), nce=torch.tensor(2.0))
        >>> {name: value.item() for name, value in (0.0 + 2 * parts + parts / 4).items()}
        {'jsd': 2.25, 'nce': 4.5}
    """

    def __mul__(self, factor: Any) -> LossParts:
        return LossParts({name: value * factor for name, value in self.items()})

    __rmul__ = __mul__

    def __truediv__(self, divisor: Any) -> LossParts:
        return LossParts({name: value / divisor for name, value in self.items()})

    def __add__(self, other: Any) -> LossParts:
        if isinstance(other, Real) and other == 0:
            return LossParts(self)
        terms = other if isinstance(other, Mapping) else {"other": other}
        return LossParts(
            {
                name: self[name] + terms[name] if name in self and name in terms else self.get(name, terms.get(name))
                for name in (*self, *(name for name in terms if name not in self))
            }
        )

    __radd__ = __add__
