"""The map of an adapter while it is learned: a torch module that begins as the identity.

Its random numbers come from one generator, so one seed gives one beginning and the global state stays as it was.
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
        dimension: d.
        kind: `low-rank` or `linear`.
        rank: r of the low-rank map.
        separate_queries: Queries get a map of their own.
        seed: Of V; U, D and the bias begin at zero.
    """

    def __init__(self, dimension: int, kind: Kind, rank: int, separate_queries: bool, seed: int) -> None:
        super().__init__()
        self.kind, self.separate_queries = kind, separate_queries
        draw = torch.Generator().manual_seed(seed)
        self.weights = nn.ParameterDict()
        for prefix in ("", "query_") if separate_queries else ("",):
            self.weights[f"{prefix}bias"] = torch.zeros(dimension)
            if kind == "linear":
                self.weights[f"{prefix}weight"] = torch.zeros(dimension, dimension)
            else:
                self.weights[f"{prefix}u"] = torch.zeros(dimension, rank)
                self.weights[f"{prefix}v"] = torch.randn(dimension, rank, generator=draw) / dimension**0.5

    def forward(self, vectors: Tensor, queries: bool = False) -> Tensor:
        """`(n, d)` unit rows, mapped and not scaled."""
        prefix = "query_" if queries and self.separate_queries else ""
        if self.kind == "linear":
            added = vectors @ self.weights[f"{prefix}weight"].T
        else:
            added = (vectors @ self.weights[f"{prefix}v"]) @ self.weights[f"{prefix}u"].T
        mapped: Tensor = vectors + added + self.weights[f"{prefix}bias"]
        return mapped

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """What an `Adapter` holds."""
        found = {name: weight.detach().numpy().copy() for name, weight in self.weights.items()}
        for name, array in found.items():
            if name.endswith("weight"):
                array += np.eye(len(array), dtype=np.float32)
        return found
