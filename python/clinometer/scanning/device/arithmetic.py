"""Products of a device in float32, TF32 or bfloat16, and a certified bound on their distance from canonical scores.

Rows are scaled by powers of two to lengths near one: q' and x'. With q~ and x~ the rows as the device multiplies them,
u = 2^-24, and Cauchy and Schwarz for every sum, the product p and the canonical score c, scaled alike, differ by

    |p - c|  <=  |q'| |x' - x~| + |q' - q~| |x~|  +  (a + g) |q~'| |x~'|  +  t

where |q~'| is the greater of |q'| and |q~|, and likewise |x~'|. The residuals |x' - x~| are measured row by row, not
assumed. g = d u / (1 - d u) bounds the chain of d fused multiply-adds (KERNEL, rule 1), and a the device's sum of d
products in any order: 2 d u + 16 u where each addition rounds to the nearest, and 8 d u + 64 u for matrix units, which
align the terms of a step and cut them off at about the 24th bit. t covers whatever is below the smallest normal number.
`probe` compares real products of this device with float64 before they are relied on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from clinometer.errors import UsageError
from clinometer.scanning.device.prepare import power_of_two, slices

__all__ = ["Operand", "above", "below", "bound_of", "multiplied", "operand", "probe", "undisturbed"]

_UNIT = 2.0**-24
# Float64 sums of norms, and what is worked out from them, are rounded too; this is far more.
_MARGIN = 1 + 2.0**-20
# Bits of the significand of float32 that an arithmetic drops.
_DROPPED = {"float32": 0, "tf32-certified": 13, "bf16-certified": 16}


@dataclass(frozen=True)
class Operand:
    """One side of a product, and what its bound needs.

    Args:
        rows: `(n, d)` float32: the rows as the device multiplies them, scaled.
        exponents: `(n,)` int64, where float64 is: a row was scaled by 2 to minus this power.
        lengths: `(n,)` float64: the greater length of the row before and after rounding, scaled.
        residuals: `(n,)` float64: length of what rounding took away, scaled.
    """

    rows: torch.Tensor
    exponents: torch.Tensor
    lengths: torch.Tensor
    residuals: torch.Tensor

    def __getitem__(self, part: slice | torch.Tensor) -> Operand:
        on_device = part.to(self.rows.device) if isinstance(part, torch.Tensor) else part
        return Operand(self.rows[on_device], self.exponents[part], self.lengths[part], self.residuals[part])


def operand(ready: torch.Tensor, lengths: torch.Tensor, similarity: str, precision: str, device: Any) -> Operand:
    """Prepared rows as one side of products.

    Args:
        ready: `(n, d)` float32 prepared rows, on a device with float64.
        lengths: `(n,)` float64: lengths before they were prepared.
        similarity: `cosine`, for rows of length one, or `dot`.
        precision: One of `clinometer.scanning.device.options.PRECISIONS`.
        device: Device of the products.
    """
    exponents = torch.zeros(len(ready), dtype=torch.int64, device=ready.device)
    if similarity == "dot":
        # Even powers only, so that rows of similar lengths share one.
        exponents = torch.frexp(lengths)[1].to(torch.int64).div(2, rounding_mode="floor") * 2
    elif precision == "float32":
        # Components of a row of length one were rounded once, so its length is within (1 + u) of one.
        ones = torch.full((len(ready),), _MARGIN, dtype=torch.float64, device=ready.device)
        return Operand(ready.to(device), exponents, ones, torch.zeros_like(ones))
    rows = torch.empty_like(ready)
    norms, residuals = torch.empty_like(lengths), torch.empty_like(lengths)
    for part in slices(*ready.shape):
        exact = ready[part].double() * power_of_two(-exponents[part])[:, None]
        rows[part] = rounded(exact.float(), _DROPPED[precision])
        used = rows[part].double()
        norms[part] = torch.maximum(exact.norm(dim=1), used.norm(dim=1)) * _MARGIN
        residuals[part] = (exact - used).norm(dim=1) * _MARGIN
    return Operand(rows.to(device), exponents, norms, residuals)


def rounded(rows: torch.Tensor, dropped: int) -> torch.Tensor:
    """Float32 numbers without the last bits of their significand, rounded to nearest and even.

    Args:
        rows: Numbers well below the largest float32.
        dropped: Number of bits.

    Example:
        >>> rounded(torch.tensor([1.0, 1 + 2**-10, 1 + 2**-11]), 13).tolist()
        [1.0, 1.0009765625, 1.0]
    """
    if not dropped:
        return rows
    bits = rows.view(torch.int32)
    bits = bits + ((1 << (dropped - 1)) - 1) + ((bits >> dropped) & 1)
    return (bits & -(1 << dropped)).view(torch.float32)


def multiplied(queries: torch.Tensor, documents: torch.Tensor, precision: str) -> torch.Tensor:
    """`(Q, n)` float32: products of rows that the arithmetic holds exactly; call it inside `undisturbed`."""
    if precision == "bf16-certified" and queries.device.type == "cuda" and hasattr(torch.ops.aten.mm, "dtype"):
        return torch.mm(queries.bfloat16(), documents.bfloat16().T, out_dtype=torch.float32)
    return torch.mm(queries, documents.T)


def bound_of(queries: Operand, documents: Operand, precision: str) -> torch.Tensor:
    """`(Q,)` float64: bound on |product - canonical score|, both scaled, for documents of one exponent.

    The formula is that of this module, with the greatest length and residual of the documents.
    """
    dimension = queries.rows.shape[1]
    matrix_unit = precision != "float32" and queries.rows.device.type != "cpu"
    device_sum = (8 * dimension + 64 if matrix_unit else 2 * dimension + 16) * _UNIT
    chain_sum = dimension * _UNIT / (1 - dimension * _UNIT) if dimension < 1 << 22 else float("inf")
    length, residual = documents.lengths.max(), documents.residuals.max()
    rounding = queries.lengths * residual + queries.residuals * length
    summing = (device_sum + chain_sum) * queries.lengths * length
    # Below the normal numbers: the device may take zero for them, the chain rounds to multiples of 2^-149.
    vanishing = dimension * 2.0**-120 + dimension * 2.0**-149 * power_of_two(
        -(queries.exponents + documents.exponents[0])
    )
    return (rounding + summing + vanishing) * _MARGIN


def above(values: torch.Tensor, device: Any) -> torch.Tensor:
    """The least float32 numbers that are not below float64 ones, on a device."""
    near = values.float()
    far = torch.nextafter(near, torch.full_like(near, torch.inf))
    return torch.where(near.double() < values, far, near).to(device)


def below(values: torch.Tensor, device: Any) -> torch.Tensor:
    """The greatest float32 numbers that are not above float64 ones, on a device."""
    return -above(-values, device)


@contextmanager
def undisturbed(device: torch.device, precision: str) -> Iterator[None]:
    """A stretch in which products use this arithmetic, whatever the caller's settings of torch say."""
    kinds = [torch.backends.cuda.matmul, torch.backends.mkldnn.matmul]
    # TF32 holds bfloat16 exactly, which serves before torch 2.8.
    matmul = "tf32" if precision != "float32" and device.type == "cuda" else "ieee"
    by_backend = all(hasattr(kind, "fp32_precision") for kind in kinds)  # torch 2.9 or newer
    earlier = [kind.fp32_precision for kind in kinds] if by_backend else torch.get_float32_matmul_precision()
    reduced = torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction
    try:
        if by_backend:
            kinds[0].fp32_precision, kinds[1].fp32_precision = matmul, "ieee"
        else:
            torch.set_float32_matmul_precision("high" if matmul == "tf32" else "highest")
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
        with torch.inference_mode(), torch.autocast(device.type, enabled=False):
            yield
    finally:
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = reduced
        if by_backend:
            kinds[0].fp32_precision, kinds[1].fp32_precision = earlier
        else:
            torch.set_float32_matmul_precision(earlier)


def probe(dimension: int, precision: str, device: torch.device, exact: torch.device) -> None:
    """Compare products of this device with float64, in the dimension and arithmetic of a scan.

    Raises:
        UsageError: An error exceeds the bound: the device or its library does not compute as it should.
    """
    draw = np.random.default_rng(0)
    values = draw.standard_normal((80, dimension)) * 4.0 ** draw.integers(-6, 7, (80, dimension))
    values[0], values[1, ::2] = 1, -1
    ready = torch.from_numpy(values.astype(np.float32)).to(exact)
    lengths = ready.double().norm(dim=1)
    side = operand(ready, lengths, "dot", precision, device)
    with undisturbed(device, precision):
        products = multiplied(side.rows, side.rows, precision).to(exact).double()
    scaled = ready.double() * power_of_two(-side.exponents)[:, None]
    errors = (products - scaled @ scaled.T).abs()
    for number in range(len(ready)):
        if bool((errors[:, number] > bound_of(side, side[number : number + 1], precision)).any()):
            raise UsageError(
                f"products of {device} in {precision} are less exact than its arithmetic allows; scan with another "
                "precision, or without a device"
            )
