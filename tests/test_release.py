"""The published files: whole, small, as their card says, and bringing together languages that lie apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clinometer.adapters import load as load_adapter
from clinometer.correction import load as load_correction

pytest.importorskip("safetensors")

RELEASE = Path(__file__).resolve().parents[1] / "release"
FOLDERS = sorted(path.parent for path in RELEASE.glob("*/README.md"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_card_names_each_file_and_each_source(folder: Path) -> None:
    card = (folder / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in folder.iterdir()} - {"README.md"}
    assert files
    assert all(f"`{name}`" in card for name in files)
    assert sum((folder / name).stat().st_size for name in files) < 500_000
    for settings in (
        load_adapter(folder / "closed-form-adapter.safetensors").settings,
        load_correction(folder / "center.npz").settings["fitted_on"],
    ):
        assert settings["data"]
        assert all(f"`{name.removesuffix('.jsonl.gz')}`" in card for name in settings["data"])


def test_both_were_fitted_on_the_same_texts_of_one_encoder_and_come_near_each_other() -> None:
    folder = RELEASE / "multilingual-e5-small"
    adapter = load_adapter(folder / "closed-form-adapter.safetensors")
    center = load_correction(folder / "center.npz")
    origin = center.settings["fitted_on"]
    assert adapter.settings["encoder"] == {"name": origin["encoder"], "revision": origin["revision"]}
    assert adapter.settings["data"] == origin["data"]
    assert adapter.settings["documents_fitted"] == center.settings["documents_fitted"]
    assert adapter.settings["queries_fitted"] == center.settings["queries_fitted"]
    # The mean of each language is where the two must agree: what is left of it is small.
    means = center.arrays["document_offsets"][: len(center.languages)]
    left = np.linalg.norm(means - means.mean(axis=0), axis=1)
    unit = means / np.linalg.norm(means, axis=1, keepdims=True)
    u, v, bias = (adapter.arrays[name].astype(float) for name in ("u", "v", "bias"))
    mapped = unit + unit @ v @ u.T + bias
    apart = np.linalg.norm(mapped - mapped.mean(axis=0), axis=1)
    assert (apart < 0.4 * left).all()


def test_the_lines_of_the_card_are_the_adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RELEASE / "multilingual-e5-small"
    monkeypatch.chdir(folder)
    block = (folder / "README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    embeddings = np.random.default_rng(0).normal(size=(9, 384)).astype(np.float32)
    for prefix in ("", "query_"):
        names: dict[str, Any] = {"embeddings": embeddings}
        exec(block.replace('arrays["', f'arrays["{prefix}'), names)
        adapter = load_adapter("closed-form-adapter.safetensors")
        expected = adapter.apply_queries(embeddings) if prefix else adapter.apply(embeddings)
        assert np.allclose(names["rows"], expected, atol=1e-5)
        assert not np.allclose(names["rows"], embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True), atol=0.01)
