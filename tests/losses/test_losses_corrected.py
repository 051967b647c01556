"""Relational distillation from a corrected teacher: by hand in NumPy, where it is zero, gradients, errors."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from clinometer.correction import Center
from clinometer.errors import UsageError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")
    pytest.importorskip("sentence_transformers")
    from clinometer.losses import CombinedLoss, DistillationLoss, GradCachedLoss, RelationalDistillationLoss

pytestmark = pytest.mark.models

MODEL: Any = torch.nn.Identity()
LANGUAGES = ("en", "de", "zh")
QUADRUPLET = ("query_en", "passage_en", "passage_tgt", "query_tgt")
LABELS = torch.tensor([[4, 1], [4, 2], [5, 1], [6, 2]])


def columns(count: int, width: int = 6, rows: int = 4, seed: int = 0) -> list[Any]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(rows, width, generator=generator, dtype=torch.float64) for _ in range(count)]


def center(width: int = 6) -> Center:
    random = np.random.default_rng(3)
    labels = list(LANGUAGES) * 10
    apart = 2 * np.eye(width)[[LANGUAGES.index(label) for label in labels]]
    rows = (random.normal(size=(30, width)) + apart).astype(np.float32)
    return Center.fit(rows, labels, rows[::-1] + 0.5, labels, directions=0)


def loss_with(**options: Any) -> RelationalDistillationLoss:
    return RelationalDistillationLoss(MODEL, correction=center(), languages=LANGUAGES, **options)


def unit(rows: Any) -> NDArray[np.float64]:
    rows = np.asarray(rows.detach() if hasattr(rows, "detach") else rows, dtype=np.float64)
    result: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return result


def centered(rows: Any, name: str, names: Sequence[str]) -> NDArray[np.float64]:
    """Unit rows less the strength times the mean of their language, spelt out."""
    fitted = center()
    kind = "document" if name.startswith("passage") else "query"
    strength = fitted.settings["strength" if kind == "document" else "query_strength"]
    means = fitted.arrays[f"{kind}_offsets"]
    label = {name: number for number, name in enumerate(fitted.languages)}
    return unit([row - strength * means[label[own]] for row, own in zip(unit(rows), names, strict=True)])


def divergence(target_scores: NDArray[np.float64], scores: NDArray[np.float64], masks: NDArray[np.bool_]) -> float:
    """Mean KL of the softmax rows over the candidates in the mask, with a loop for each row."""
    total = 0.0
    for target_scores_of, scores_of, mask in zip(target_scores, scores, masks, strict=True):
        target, row = np.exp(target_scores_of[mask]), np.exp(scores_of[mask])
        target, row = target / target.sum(), row / row.sum()
        total += float((target * np.log(target / row)).sum())
    return total / len(scores)


@pytest.mark.parametrize("names", [("query", "passage"), QUADRUPLET[:3], QUADRUPLET])
def test_by_hand(names: tuple[str, ...]) -> None:
    student, teacher = columns(len(names), seed=1), columns(len(names), seed=2)
    own = [LANGUAGES[code] for code in LABELS[:, 1]]
    labels = {name: ["en"] * 4 if name.endswith("_en") else own for name in names}
    taught = {name: centered(rows, name, labels[name]) for name, rows in zip(names, teacher, strict=True)}
    learned = {name: unit(rows) for name, rows in zip(names, student, strict=True)}
    passages = [name for name in names if name.startswith("passage")]
    candidates = [np.concatenate([side[name] for name in passages]) for side in (taught, learned)]
    groups = LABELS[:, 0].numpy()
    others = np.tile(groups[:, None] != groups[None, :], len(passages))
    terms: dict[str, list[float]] = {"queries": [], "passages": []}
    for name in names:
        masks = others if name in passages else np.ones_like(others)
        kind = "passages" if name in passages else "queries"
        terms[kind].append(divergence(3 * taught[name] @ candidates[0].T, 3 * learned[name] @ candidates[1].T, masks))
    parts = loss_with(scale=3.0, weight=5.0).compute_loss_from_embeddings(student, LABELS, targets=teacher)
    for kind, values in terms.items():
        assert parts[kind].item() == pytest.approx(5 * np.mean(values) / 2, rel=1e-5)


def test_zero_where_the_student_is_the_corrected_teacher() -> None:
    teacher = columns(4, seed=3)
    own = [LANGUAGES[code] for code in LABELS[:, 1]]
    student = [
        torch.from_numpy(centered(rows, name, ["en"] * 4 if name.endswith("_en") else own))
        for name, rows in zip(QUADRUPLET, teacher, strict=True)
    ]
    parts = loss_with().compute_loss_from_embeddings(student, LABELS, targets=teacher)
    assert sum(value.item() for value in parts.values()) == pytest.approx(0, abs=1e-4)
    uncorrected = loss_with().compute_loss_from_embeddings(teacher, LABELS, targets=teacher)
    assert min(value.item() for value in uncorrected.values()) > 0.01


def test_gradients_reach_every_column_and_never_the_teacher() -> None:
    student = [column.requires_grad_() for column in columns(4)]
    targets = [column.requires_grad_() for column in columns(4, seed=6)]
    loss = loss_with(scale=2.0)

    def total(*embeddings: Any) -> Any:
        return sum(loss.compute_loss_from_embeddings(embeddings, LABELS, targets=targets).values())

    assert torch.autograd.gradcheck(total, student)
    total(*student).backward()
    assert all(column.grad.abs().max() > 0 for column in student)
    assert all(target.grad is None for target in targets)


def test_cached_and_combined_as_on_the_whole_batch(tmp_path: Any) -> None:
    """Mini-batches keep each row's language, and a loss beside it reads the item's number alone."""
    from support import tiny_transformer

    tiny = tiny_transformer.build(tmp_path)
    texts = [tiny_transformer.sentences(4, language) for language in ("en", "en", "de", "de")]
    read = tiny.preprocess if hasattr(tiny, "preprocess") else tiny.tokenize
    features = [dict(read(column)) for column in texts]
    options: Any = {"correction": center(tiny_transformer.DIMENSION), "languages": LANGUAGES}
    whole = CombinedLoss(
        tiny, {"rows": RelationalDistillationLoss(tiny, **options), "hold": DistillationLoss(tiny, weight=2.0)}
    )
    total = sum(whole(features, LABELS).values())
    total.backward()
    gradients = [value.grad.clone() for value in tiny.parameters() if value.grad is not None]
    tiny.zero_grad()
    cached = sum(GradCachedLoss(whole, mini_batch_size=3)(features, LABELS).values())
    cached.backward()
    assert cached.item() == pytest.approx(total.item(), rel=1e-5)
    assert total.item() > 0.01
    for first, second in zip(gradients, [v.grad for v in tiny.parameters() if v.grad is not None], strict=True):
        assert torch.allclose(first, second, atol=1e-6)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, r"should hold two whole numbers for each of the 4 rows, the item's and its language's, but gave none"),
        (torch.arange(4), r"but gave torch.int64 of shape \(4,\)"),
        (LABELS.float(), r"but gave torch.float32 of shape \(4, 2\)"),
        (LABELS + torch.tensor([0, 1]), r"counts languages from 2 to 3, but there are 3: en, de, zh"),
    ],
)
def test_labels_that_do_not_name_languages(labels: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        loss_with().compute_loss_from_embeddings(columns(4), labels, targets=columns(4))


def test_options_and_record() -> None:
    with pytest.raises(UsageError, match="a correction needs the languages that the label column counts"):
        RelationalDistillationLoss(MODEL, correction=center())
    with pytest.raises(UsageError, match="needs 4 targets but got 2"):
        loss_with().compute_loss_from_embeddings(columns(4), LABELS, targets=columns(2))
    record = loss_with().get_config_dict()
    assert record["languages"] == list(LANGUAGES)
    assert record["correction"]["method"] == "center"
