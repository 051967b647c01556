"""The mismatch of NumPy and the loss of torch are one formula."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from clinometer.geometry import Read, embedding_mismatch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")
    pytest.importorskip("sentence_transformers")
    from clinometer.losses.jsd import embedding_jsd

pytestmark = pytest.mark.models


@pytest.mark.parametrize("read", ["raw", "normalized", "scaled"])
@pytest.mark.parametrize("length", [0.01, 1.0, 30.0])
def test_jsd_equals_the_loss(read: Read, length: float) -> None:
    rng = np.random.default_rng(5)
    first = length * rng.normal(size=(12, 96))
    second = first + 0.2 * length * rng.normal(size=first.shape)
    second[0] = first[0]
    found = embedding_mismatch(first, second, read=read).jsd
    for kind in (torch.float64, torch.float32):
        wanted = embedding_jsd(
            torch.tensor(first, dtype=kind), torch.tensor(second, dtype=kind), read=read, epsilon=0.0
        )
        assert found == pytest.approx(float(wanted), abs=1e-6)
