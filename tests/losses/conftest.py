"""What the tests of the losses share: a tiny model, and quiet imports of torch and its friends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import foreign_warnings, tiny_transformer


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with foreign_warnings.ignored(DeprecationWarning, FutureWarning, UserWarning):
        yield


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tiny")


@pytest.fixture
def tiny(tiny_folder: Path) -> Any:
    """A fresh model that ends in Normalize; always the same weights."""
    return tiny_transformer.build(tiny_folder)
