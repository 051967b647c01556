"""The map of an adapter while it is learned: a torch module that starts as the identity.

Its random numbers come from a generator of its own, so one seed gives one start and the global state is unchanged.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clinometer.adapters.adapter import Kind

__all__ = ["AdapterMap"]


class AdapterMap(nn.Module):  # type: ignore[misc, unused-ignore]
    """`x + U (V^T x) + bias`, or `x + D x + bias` with `W = 1 + D`; weight decay pulls both to the identity.

    Args:
        dimension: Length of an embedding, d.
        kind: `low-rank` or `linear`.
        rank: Rank r of the low-rank map.
        separate_queries: Queries get a map of their own.
        seed: Seed of V; U, D and the bias start at zero.
    """

    def __init__(self, dimension: int, kind: Kind, rank: int, separate_queries: bool, seed: int) -> None:
        super().__init__()
        self.kind, self.separate_queries = kind, separate_queries
        generator = torch.Generator().manual_seed(seed)
        self.weights = nn.ParameterDict()
        for prefix in ("", "query_") if separate_queries else ("",):
            self.weights[f"{prefix}bias"] = torch.zeros(dimension)
            if kind == "linear":
                self.weights[f"{prefix}weight"] = torch.zeros(dimension, dimension)
            else:
                self.weights[f"{prefix}u"] = torch.zeros(dimension, rank)
                self.weights[f"{prefix}v"] = torch.randn(dimension, rank, generator=generator) / dimension**0.5

    def forward(self, vectors: Tensor, queries: bool = False) -> Tensor:
        """`(n, d)` unit rows, mapped but not rescaled."""
        prefix = "query_" if queries and self.separate_queries else ""
        if self.kind == "linear":
            difference = vectors @ self.weights[f"{prefix}weight"].T
        else:
            difference = (vectors @ self.weights[f"{prefix}v"]) @ self.weights[f"{prefix}u"].T
        mapped: Tensor = vectors + difference + self.weights[f"{prefix}bias"]
        return mapped

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The arrays of an `Adapter`."""
        arrays = {name: weight.detach().numpy().copy() for name, weight in self.weights.items()}
        for name, array in arrays.items():
            if name.endswith("weight"):
                array += np.eye(len(array), dtype=np.float32)
        return arrays
