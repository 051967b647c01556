"""Embeddings in tensors of torch, on any device, as a source of a scan; DLPack arrays become such tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import EmbeddingError, first_line
from clinometer.scanning.device.options import torch_package
from clinometer.vectors import is_tensor

__all__ = ["TensorRows", "is_exchanged", "tensor_rows"]


@dataclass(frozen=True)
class TensorRows:
    """Rows in a tensor, which stays where it is: `(n, d)`, of any real type, strides included."""

    tensor: Any

    name = ""

    def __len__(self) -> int:
        return int(self.tensor.shape[0])

    @property
    def dimension(self) -> int:
        """Length of a row."""
        return int(self.tensor.shape[1])

    def open(self, *, checked: bool = False) -> NDArray[Any]:  # noqa: ARG002 - memory has no checksum
        """All rows in the memory of this process."""
        return _on_host(self.tensor)

    def check(self, *, checked: bool) -> None:
        """Nothing to check: memory has no checksum."""

    def block(self, start: int, stop: int) -> NDArray[Any]:
        """Consecutive rows in the memory of this process."""
        return _on_host(self.tensor[start:stop])

    def take(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """Rows by number in the memory of this process."""
        index = torch_package().from_numpy(numbers).to(self.tensor.device)
        return _on_host(self.tensor.index_select(0, index))


def is_exchanged(values: object) -> bool:
    """Whether it is an array of another library that DLPack can pass, such as CuPy's or JAX's, or a tensor."""
    return is_tensor(values) or (
        not isinstance(values, np.ndarray) and hasattr(values, "__dlpack__") and hasattr(values, "__dlpack_device__")
    )


def tensor_rows(values: Any, what: str) -> TensorRows:
    """Rows of a tensor or DLPack array, without a copy.

    Args:
        values: `(n, d)` of a floating or integer type; uint8 is refused, since such bytes may be packed bits.
        what: Noun for the values, for the message.

    Raises:
        EmbeddingError: It is not such an array.
    """
    torch = torch_package()
    if not is_tensor(values):
        try:
            values = torch.from_dlpack(values)
        except Exception as error:
            raise EmbeddingError(f"{what} cannot be passed by DLPack ({first_line(error)}); pass a tensor") from None
    tensor = values.detach()
    if tensor.layout is not torch.strided:
        raise EmbeddingError(f"{what} are a sparse tensor; pass .to_dense()")
    if tensor.ndim != 2 or tensor.shape[1] == 0:
        raise EmbeddingError(f"{what} have shape {tuple(tensor.shape)}, but must be (rows, dimension)")
    name = str(tensor.dtype).removeprefix("torch.")
    if name == "uint8":
        raise EmbeddingError(
            f"{what} are uint8, which may be packed bits; score packed bits with similarity='hamming', and convert "
            "numbers with .float()"
        )
    if tensor.dtype in (torch.bool, torch.complex64, torch.complex128) or name.startswith(("q", "float8", "float4")):
        raise EmbeddingError(f"{what} are {name}, but must be float32 or float16")
    return TensorRows(tensor)


def _on_host(tensor: Any) -> NDArray[Any]:
    """As float32 or float16, C-contiguous; other types as float32, in which too large numbers become infinite."""
    torch = torch_package()
    kept = tensor if tensor.dtype in (torch.float16, torch.float32) else tensor.float()
    rows: NDArray[Any] = kept.cpu().contiguous().resolve_neg().numpy()
    return rows
