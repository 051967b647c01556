"""Mixed pools as tasks of mteb: what mteb measures in them is what clinometer measures."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clinometer as cm
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import UsageError

pytestmark = pytest.mark.models
mteb = pytest.importorskip("mteb", reason="the extra mteb is not installed", exc_type=ImportError)

from clinometer.integrations.mteb.tasks import belebele_task, mixed_pool_task, xquad_task  # noqa: E402

LANGUAGES = ["en", "de", "zh"]


def vector(text: str) -> Any:
    """Random, and the same for the same text."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    rows = np.random.default_rng(seed).normal(size=16)
    return (rows / np.linalg.norm(rows)).astype(np.float32)


class Hashed:
    """A model in mteb's protocol."""

    mteb_model_meta = mteb.models.ModelMeta.create_empty({"name": "tests/hashed", "revision": "1"})

    def encode(self, inputs: Any, **_: Any) -> Any:
        return np.stack([vector(text.strip()) for batch in inputs for text in batch["text"]])

    def similarity(self, one: Any, other: Any) -> Any:
        import torch

        return torch.as_tensor(np.asarray(one) @ np.asarray(other).T)

    def similarity_pairwise(self, one: Any, other: Any) -> Any:
        raise NotImplementedError


@pytest.mark.filterwarnings("ignore")
def test_mteb_finds_our_figures() -> None:
    collection = cm.load("demo", languages=LANGUAGES)
    task = mixed_pool_task(collection, name="DemoMixedPool", scenarios=["multi", "mono-cross"])
    assert {"en+de:de", "en+de:en", "en:de", "en+zh:zh"} <= set(task.hf_subsets)
    result = mteb.evaluate(Hashed(), task, cache=None, co2_tracker=False, show_progress_bar=False)
    (found,) = result.task_results
    theirs = {score["hf_subset"]: score["ndcg_at_10"] for score in found.scores["test"]}
    rows = [np.stack([vector(text) for text in texts.texts]) for texts in (collection.queries, collection.documents)]
    evaluation = cm.evaluate(
        collection, PrecomputedEncoder(*rows), scenarios=["multi", "mono-cross"], measures=["nDCG@10"], resamples=0
    )
    ours = {score["hf_subset"]: score["main_score"] for score in evaluation.to_mteb("x")["scores"]["test"]}
    assert theirs == pytest.approx(ours, abs=1e-4)
    assert max(ours.values()) > 0


def test_subsets_and_scenarios() -> None:
    collection = cm.load("demo", languages=LANGUAGES)
    task = mixed_pool_task(collection, name="Demo", pairs="all", domains=["Written"])
    assert "de+zh:zh" in task.hf_subsets
    assert task.metadata.domains == ["Written"]
    assert task.metadata.eval_langs["en+de:de"] == ["deu-Latn", "eng-Latn"]
    with pytest.raises(UsageError, match="one-sided cannot be a task of mteb; choose from mono-same, mono-cross"):
        mixed_pool_task(collection, name="Demo", scenarios=["one-sided"])


@pytest.mark.shared
def test_xquad_and_belebele(shared: Path) -> None:
    for make, folder, name in (
        (xquad_task, "xquad", "XQuADMixedPool"),
        (belebele_task, "belebele", "BelebeleMixedPool"),
    ):
        task = make(str(shared / "data" / folder), languages=["en", "de"])
        assert (task.metadata.name, task.hf_subsets) == (name, ["en+de:en", "en+de:de"])
        task.load_data()
        part = task.dataset["en+de:de"]["test"]
        assert set(part["relevant_docs"]) == set(part["queries"]["id"])
        assert {len(grades) for grades in part["relevant_docs"].values()} == {2}
