"""The real training data, read once."""

from __future__ import annotations

from pathlib import Path

import pytest

from clinometer.training.data import ParallelItem, read_items


@pytest.fixture(scope="session")
def real_items(shared: Path) -> list[ParallelItem]:
    return read_items(sorted((shared / "data" / "train").glob("*.jsonl.gz")))
