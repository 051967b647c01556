"""Where and how a scan runs on a device of torch, checked before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clinometer.errors import UsageError, first_line, optional_package, shown

__all__ = ["PRECISIONS", "DeviceOptions", "check_device", "torch_package"]

PRECISIONS = ("float32", "tf32-certified", "bf16-certified")
"""Arithmetic of the products on a device; the result does not depend on it."""


@dataclass(frozen=True)
class DeviceOptions:
    """Options of the passes on a device.

    Args:
        name: Device, such as `cuda`, `cuda:1`, `mps` or `cpu`.
        precision: One of `PRECISIONS`; None for the fastest in this run.
        workspace: Bytes on the device for everything except the caller's tensors; None for a share of what is free.
    """

    name: str
    precision: str | None = None
    workspace: int | None = None


def torch_package() -> Any:
    """The package torch.

    Raises:
        MissingExtraError: It is not installed.
    """
    return optional_package("torch", "a scan on a device", "torch")


def check_device(name: object) -> str:
    """The name of a device that this process can use.

    Raises:
        MissingExtraError: torch is not installed.
        UsageError: The device is unknown, or cannot be used here.
    """
    torch = torch_package()
    try:
        device = torch.device(name)
        torch.empty(1, device=device).cpu()
    except Exception as error:  # which classes it raises depends on the device
        raise UsageError(
            f"device {shown(name)} cannot be used ({first_line(error)}); give cuda, cuda:1, mps or cpu, or leave it "
            "out for the scan without torch"
        ) from None
    if device.type == "meta":
        raise UsageError("device 'meta' holds no numbers; give cuda, cuda:1, mps or cpu")
    return str(device)
