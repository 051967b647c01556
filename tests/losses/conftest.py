"""What the tests of the losses share: a tiny model, and quiet imports of torch and its friends."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_transformer


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """What torch, transformers and sentence-transformers warn about is theirs; warnings of clinometer still fail."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, FutureWarning, UserWarning):
            warnings.filterwarnings(
                "ignore", category=category, module=r"(torch|transformers|sentence_transformers|accelerate|datasets)\b"
            )
        yield


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tiny")


@pytest.fixture
def tiny(tiny_folder: Path) -> Any:
    """A fresh model that ends in Normalize; always the same weights."""
    return tiny_transformer.build(tiny_folder)
