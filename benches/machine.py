"""The machine: what it is, and how many floating-point operations a second it can do right now."""

from __future__ import annotations

import os
import platform
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from contenders import KERNEL_VARIABLE

from clinometer import _core

__all__ = ["STAND_IN", "TRUE_PEAK", "describe", "peak_method", "probe_peak"]

SIDE = 256
STAND_IN = f"sgemm of NumPy, {SIDE} x {SIDE}, one on each thread (a stand-in, below the true peak)"
TRUE_PEAK = "independent chains of fused multiply-adds in registers"
_LIBRARIES = (
    "clinometer", "numpy", "faiss-cpu", "torch", "sentence-transformers", "pytrec-eval-terrier", "ir-measures", "ranx",
    "numba",
)  # fmt: skip
_FEATURES = ("avx2", "fma", "avx512f", "avx512bw", "avx512_vnni", "avx_vnni", "amx_int8", "asimd")


def describe() -> dict[str, Any]:
    """Processor, cores, memory and versions; nothing that names the machine."""
    facts = {}
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            key, _, value = line.partition(":")
            facts.setdefault(key.strip(), value.strip())
    flags = facts.get("flags", facts.get("Features", "")).split()
    family = f" (family {facts['cpu family']}, model {facts['model']})" if "cpu family" in facts else ""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    return {
        "processor": facts.get("model name", platform.machine()) + family,
        "features": [name for name in _FEATURES if name in flags],
        "cores": cores,
        "memory_gb": round(memory / 2**30),
        "system": f"{platform.system()}, Python {platform.python_version()}",
        "kernels": _core.instruction_sets(),
        "libraries": {name: found for name in _LIBRARIES if (found := _version(name))},
        "peak": peak_method(),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def probe_peak(threads: int) -> float:
    """GFLOP/s of float32 that this number of threads reaches now, measured as `peak_method` says.

    To be called where NumPy itself uses one thread.
    """
    probe = getattr(_core, "fma_peak", None)
    if probe is not None:
        return float(probe(threads, os.environ.get(KERNEL_VARIABLE)))
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(_products, [0.15] * threads))


def _products(seconds: float) -> float:
    """GFLOP/s of one thread that multiplies matrices which fit its second-level cache."""
    left = np.full((SIDE, SIDE), 0.5, dtype=np.float32)
    out = np.empty_like(left)
    np.matmul(left, left, out=out)
    runs, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        np.matmul(left, left, out=out)
        runs += 1
    return 2e-9 * SIDE**3 * runs / (time.perf_counter() - start)


def peak_method() -> str:
    """How the peak is measured: by the core's probe where it has one (`fma_peak(threads, isa)`), else by a stand-in."""
    return TRUE_PEAK if hasattr(_core, "fma_peak") else STAND_IN
