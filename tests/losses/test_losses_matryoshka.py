"""MatryoshkaLoss of sentence-transformers around each loss: the weighted sum over beginnings of the raw embeddings."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from support import tiny_transformer

from clinometer.training.data import samples_from_items

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")
    pytest.importorskip("accelerate")
    sentence_transformers = pytest.importorskip("sentence_transformers")
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer import losses as host

    from clinometer.losses import (
        ClearLoss,
        CombinedLoss,
        CrossLingualAlignmentLoss,
        DistillationLoss,
        GradCachedLoss,
        RelationalDistillationLoss,
        SimilarityAlignmentLoss,
    )
    from clinometer.losses.columns import embed_raw
    from clinometer.losses.parts import LossParts

pytestmark = [pytest.mark.models, pytest.mark.filterwarnings("ignore::UserWarning")]
needs_gradcache = pytest.mark.skipif(
    int(sentence_transformers.__version__.split(".")[0]) < 6, reason="GradCache needs sentence-transformers 6"
)

WIDTHS = {16: 1.0, 8: 0.5, 4: 2.0}


def combined(model: Any) -> Any:
    return CombinedLoss(
        model, {"one": CrossLingualAlignmentLoss(model, "jsd+nce"), "two": DistillationLoss(model, weight=3.0)}
    )


MAKERS: dict[str, Any] = {
    "jsd": lambda model: CrossLingualAlignmentLoss(model, "jsd"),
    "jsd+nce": lambda model: CrossLingualAlignmentLoss(model, "jsd+nce"),
    "psg+pool+mono+sim": lambda model: CrossLingualAlignmentLoss(model, "psg+pool+mono+sim"),
    "similarity": SimilarityAlignmentLoss,
    "clear": ClearLoss,
    "distillation": DistillationLoss,
    "distillation, raw": lambda model: DistillationLoss(model, embedding="raw", target="pivot"),
    "relational": RelationalDistillationLoss,
    "combined": combined,
}


def batch(model: Any, name: str) -> list[dict[str, Any]]:
    kinds = [("en", 1), ("en", 2), ("de", 1)] if name == "clear" else [("en", 1), ("en", 2), ("de", 2), ("de", 1)]
    texts = [tiny_transformer.sentences(6, language, seed=seed) for language, seed in kinds]
    read = model.preprocess if hasattr(model, "preprocess") else model.tokenize
    return [dict(read(column)) for column in texts]


def matryoshka(model: Any, loss: Any, **options: Any) -> Any:
    return host.MatryoshkaLoss(model, loss, list(WIDTHS), list(WIDTHS.values()), **options)


def gradients(model: Any, parts: dict[str, Any]) -> dict[str, Any]:
    model.zero_grad()
    torch.stack(list(parts.values())).sum().backward()
    return {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}


def moved(model: Any) -> None:
    """Take the model away from its first state, where a loss with a teacher is at its least."""
    torch.manual_seed(5)
    with torch.no_grad():
        for value in model.parameters():
            value.add_(0.1 * torch.randn_like(value))


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("name", list(MAKERS))
def test_the_sum_over_beginnings_of_raw_embeddings(name: str, normalize: bool, tmp_path: Path) -> None:
    model = tiny_transformer.build(tmp_path, normalize=normalize).double()
    loss = MAKERS[name](model)
    moved(model)
    columns = batch(model, name)
    parts = matryoshka(model, loss)(columns, None)
    slopes = gradients(model, parts)
    raw = [embed_raw(model, column) for column in columns]
    taught = loss.teach(columns)
    by_hand: dict[str, Any] = {}
    for width, weight in WIDTHS.items():
        # A distillation compares beginnings; relations are learned from the teacher's whole embeddings.
        targets = [rows[:, :width] for rows in taught] if name.startswith(("distil", "comb")) else taught
        for part, value in loss.parts_from([rows[:, :width] for rows in raw], None, targets).items():
            by_hand[part] = by_hand.get(part, 0.0) + weight * value
    assert set(parts) == set(by_hand)
    for part, value in parts.items():
        torch.testing.assert_close(value, by_hand[part], rtol=1e-9, atol=1e-9)
    for parameter, slope in gradients(model, by_hand).items():
        torch.testing.assert_close(slopes[parameter], slope, rtol=1e-6, atol=1e-9)
    assert "forward" not in model.__dict__ or model.forward == type(model).forward.__get__(model)


@needs_gradcache
@pytest.mark.parametrize("name", list(MAKERS))
def test_gradcache_inside_is_the_same(name: str, tiny: Any) -> None:
    tiny.double()
    loss = MAKERS[name](tiny)
    moved(tiny)
    plain = matryoshka(tiny, loss)(batch(tiny, name), None)
    slopes = gradients(tiny, plain)
    cached = matryoshka(tiny, GradCachedLoss(loss, mini_batch_size=4))(batch(tiny, name), None)
    cached_slopes = gradients(tiny, cached)
    assert set(plain) == set(cached)
    for part, value in plain.items():
        torch.testing.assert_close(cached[part], value, rtol=1e-9, atol=1e-9)
    assert set(cached_slopes) == set(slopes)
    for parameter, slope in slopes.items():
        torch.testing.assert_close(cached_slopes[parameter], slope, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("cached", [False, pytest.param(True, marks=needs_gradcache)])
def test_one_length_at_a_time(cached: bool, tiny: Any) -> None:
    loss = CrossLingualAlignmentLoss(tiny, "nce")
    inner = GradCachedLoss(loss, mini_batch_size=4) if cached else loss
    raw = [embed_raw(tiny, column) for column in batch(tiny, "nce")]
    values = [
        weight * loss.parts_from([rows[:, :width] for rows in raw], None, [])["nce"].item()
        for width, weight in WIDTHS.items()
    ]
    wrapped = matryoshka(tiny, inner, n_dims_per_step=1)
    drawn = {round(wrapped(batch(tiny, "nce"), None)["nce"].item(), 5) for _ in range(30)}
    assert drawn == {round(value, 5) for value in values}


@pytest.mark.parametrize("name", ["distillation", "relational"])
def test_the_teacher_reads_a_batch_once(name: str, tiny: Any) -> None:
    loss = MAKERS[name](tiny)
    calls: list[int] = []
    loss.teacher.register_forward_hook(lambda *_: calls.append(1))
    columns = batch(tiny, name)
    matryoshka(tiny, loss)(columns, None)
    once = len(calls)
    assert once == len(loss.taught_columns(loss.column_names(4)))
    matryoshka(tiny, loss)(batch(tiny, name), None)  # equal texts of another batch
    assert len(calls) == 2 * once


@pytest.mark.parametrize("cached", [False, pytest.param(True, marks=needs_gradcache)])
def test_a_trainer_logs_every_part(cached: bool, tiny: Any, tmp_path: Path) -> None:
    loss: Any = CrossLingualAlignmentLoss(tiny, "jsd+nce")
    wrapped = matryoshka(tiny, GradCachedLoss(loss, mini_batch_size=4) if cached else loss)
    args = SentenceTransformerTrainingArguments(
        output_dir=str(tmp_path), max_steps=60, per_device_train_batch_size=8, learning_rate=2e-3, logging_steps=5,
        save_strategy="no", report_to="none", disable_tqdm=True, use_cpu=True, seed=7,
    )  # fmt: skip
    dataset = samples_from_items(tiny_transformer.items(), ["de", "zh"], dev_share=0).to_dataset()
    trainer = SentenceTransformerTrainer(model=tiny, args=args, train_dataset=dataset, loss=wrapped)
    trainer.train()
    log = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert log[-1]["loss"] < 0.7 * log[0]["loss"]
    assert log[0]["jsd"] + log[0]["nce"] == pytest.approx(log[0]["loss"], abs=5e-3)


def test_parts_are_weighed_and_added() -> None:
    one = LossParts(a=torch.tensor(1.0), b=torch.tensor(2.0))
    two = LossParts(b=torch.tensor(3.0), c=torch.tensor(4.0))
    total = 0.0 + 2 * one + two * 0.5 + torch.tensor(5.0)
    assert {name: value.item() for name, value in total.items()} == {"a": 2.0, "b": 5.5, "c": 2.0, "other": 5.0}
    assert {name: value.item() for name, value in (one / 4).items()} == {"a": 0.25, "b": 0.5}
    assert isinstance(torch.tensor(1.0) + one, LossParts)
    assert dict(one) == {"a": 1.0, "b": 2.0}
