"""What a scan on a device asks of its caller where torch is not installed."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import clinometer as cm
from clinometer.errors import MissingExtraError


def test_a_device_needs_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    rows = np.eye(3, dtype=np.float32)
    with pytest.raises(MissingExtraError, match=r"a scan on a device needs .* pip install 'clinometer\[torch\]'"):
        cm.search(rows, rows, k=1, device="cuda")
