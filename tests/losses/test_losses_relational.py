"""Relational distillation from embeddings: by hand in NumPy, where it is zero, gradients, groups, errors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from clinometer.errors import UsageError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")
    pytest.importorskip("sentence_transformers")
    from clinometer.losses import CombinedLoss, CrossLingualAlignmentLoss, RelationalDistillationLoss

pytestmark = pytest.mark.models

MODEL: Any = torch.nn.Identity()


def columns(count: int, width: int = 4, rows: int = 4, seed: int = 0) -> list[Any]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(rows, width, generator=generator, dtype=torch.float64) for _ in range(count)]


def row(texts: Any, passages: Any, scale: float, kept: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
    """Softmax rows, with a loop for each text and exact zeros where a passage is left out."""
    texts, passages = texts.detach().numpy(), passages.detach().numpy()
    found = np.zeros((len(texts), len(passages)))
    for i, text in enumerate(texts):
        for j, passage in enumerate(passages):
            if kept is None or kept[i, j]:
                cosine = text @ passage / np.linalg.norm(text) / np.linalg.norm(passage)
                found[i, j] = np.exp(scale * cosine)
    result: NDArray[np.float64] = found / found.sum(axis=1, keepdims=True)
    return result


def divergence(aim: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    some = aim > 0
    return float((aim[some] * np.log(aim[some] / found[some])).sum() / len(aim))


@pytest.mark.parametrize("count", [3, 4])
def test_by_hand(count: int) -> None:
    student, (query, passage) = columns(count, seed=1), columns(2, seed=2)
    both = torch.cat(student[1:3])
    others = ~np.eye(4, dtype=bool)
    aim = np.tile(row(query, passage, 3.0), 2) / 2
    asked = [student[0], *student[3:]]
    queries = np.mean([divergence(aim, row(text, both, 3.0)) for text in asked])
    aim = np.tile(row(passage, passage, 3.0, others), 2) / 2
    passages = np.mean([divergence(aim, row(text, both, 3.0, np.tile(others, 2))) for text in student[1:3]])
    loss = RelationalDistillationLoss(MODEL, scale=3.0, weight=5.0)
    found = loss.compute_loss_from_embeddings(student, targets=[query, passage])
    assert found["queries"].item() == pytest.approx(5 * queries / 2, rel=1e-9)
    assert found["passages"].item() == pytest.approx(5 * passages / 2, rel=1e-9)


def test_zero_where_translations_coincide_and_rank_as_the_teacher() -> None:
    query, passage = columns(2, seed=3)
    same = RelationalDistillationLoss(MODEL).compute_loss_from_embeddings(
        [query, passage, 2 * passage, 3 * query], targets=[query, passage]
    )
    assert sum(value.item() for value in same.values()) == pytest.approx(0, abs=1e-12)
    turned = torch.linalg.qr(columns(1, seed=4)[0])[0]  # rows of similarities do not see a rotation
    rotated = RelationalDistillationLoss(MODEL).compute_loss_from_embeddings(
        [z @ turned for z in (query, passage, passage, query)], targets=[query, passage]
    )
    assert sum(value.item() for value in rotated.values()) == pytest.approx(0, abs=1e-9)


def test_a_language_that_lies_apart_costs() -> None:
    """The passages of one language moved by a common direction: ranks within a language hold, the pool leans."""
    query, passage = columns(2, width=5, rows=6, seed=5)
    moved = passage + torch.tensor([0.0, 0, 0, 0, 3.0], dtype=torch.float64)
    loss = RelationalDistillationLoss(MODEL, scale=10.0)
    found = loss.compute_loss_from_embeddings([query, passage, moved, query], targets=[query, passage])
    assert found["queries"].item() > 0.05
    assert found["passages"].item() > 0.05


def test_gradients_reach_every_column_and_never_the_teacher() -> None:
    student = [c.requires_grad_() for c in columns(4)]
    targets = [c.requires_grad_() for c in columns(2, seed=6)]
    loss = RelationalDistillationLoss(MODEL, scale=2.0)

    def total(*given: Any) -> Any:
        return sum(loss.compute_loss_from_embeddings(given, targets=[t.detach() for t in targets]).values())

    assert torch.autograd.gradcheck(total, student)
    total(*student).backward()
    assert all(column.grad.abs().max() > 0 for column in student)
    assert all(target.grad is None for target in targets)


def test_rows_of_one_item_are_never_compared() -> None:
    """Passages of a group are left out of each other's rows: what they are to each other does not matter."""
    student, (query, passage) = columns(3, rows=3, seed=7), columns(2, rows=3, seed=8)
    labels = torch.tensor([4, 4, 5])
    loss = RelationalDistillationLoss(MODEL)
    first = loss.compute_loss_from_embeddings(student, labels, targets=[query, passage])["passages"]
    without = loss.compute_loss_from_embeddings(student, targets=[query, passage])["passages"]
    assert first.item() != pytest.approx(without.item(), rel=1e-3)
    alone = loss.compute_loss_from_embeddings(student, torch.tensor([4, 4, 4]), targets=[query, passage])["passages"]
    assert torch.isfinite(alone)


def test_errors_name_columns_and_targets() -> None:
    loss = RelationalDistillationLoss(MODEL)
    with pytest.raises(UsageError, match=r"got 2 columns besides label; it takes query_en, passage_en, passage_tgt"):
        loss.compute_loss_from_embeddings(columns(2), targets=columns(2))
    with pytest.raises(
        UsageError, match="RelationalDistillationLoss needs 2 targets but got 0; give those that its method"
    ):
        loss.compute_loss_from_embeddings(columns(4))
    with pytest.raises(UsageError, match="scale is 0"):
        RelationalDistillationLoss(MODEL, scale=0)


def test_it_shares_an_embedding_pass(tmp_path: Any) -> None:
    from support import tiny_transformer

    tiny = tiny_transformer.build(tmp_path)
    texts = [tiny_transformer.sentences(4, language) for language in ("en", "en", "de", "de")]
    read = tiny.preprocess if hasattr(tiny, "preprocess") else tiny.tokenize
    features = [dict(read(column)) for column in texts]
    relational = RelationalDistillationLoss(tiny)
    alone = relational(features, None)
    both = CombinedLoss(tiny, {"rows": relational, "more": CrossLingualAlignmentLoss(tiny, parts="mono")})
    found = both(features, None)
    assert found["rows_queries"].item() == pytest.approx(alone["queries"].item(), rel=1e-5)
    assert not [name for name, value in relational.teacher.named_parameters() if value.requires_grad]
    assert relational.get_config_dict() == {"scale": 50.0, "weight": 1.0, "teacher": "first state of the model"}
