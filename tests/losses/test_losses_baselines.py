"""CLEAR, LaKDA, distillation, similarity rows and their sum, from embeddings: by hand, gradients, column errors."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from clinometer.errors import UsageError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")
    pytest.importorskip("sentence_transformers")
    from clinometer.losses import (
        ClearLoss,
        CombinedLoss,
        CrossLingualAlignmentLoss,
        DistillationLoss,
        LakdaLoss,
        SimilarityAlignmentLoss,
        distribution_jsd,
    )

pytestmark = pytest.mark.models

LABELS = torch.tensor([1, 1, 2, 3])


def batch(count: int, width: int = 4, rows: int = 4, seed: int = 0) -> list[Any]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(rows, width, generator=generator, dtype=torch.float64) for _ in range(count)]


def checked_gradients(one: Any, count: int) -> Any:
    """The gradients of the KL term by the columns, after those of the whole loss were checked."""
    columns = [column.requires_grad_() for column in batch(count)]

    def total(*given: Any) -> Any:
        return torch.stack(list(one.compute_loss_from_embeddings(given, LABELS).values())).sum()

    assert torch.autograd.gradcheck(total, columns)
    return torch.autograd.grad(one.compute_loss_from_embeddings(columns, LABELS)["kl"], columns)


def cos(first: Any, second: Any) -> Any:
    return torch.nn.functional.normalize(first, dim=1) @ torch.nn.functional.normalize(second, dim=1).T


@pytest.mark.parametrize("negatives", [0, 2])
def test_clear_by_hand(negatives: int) -> None:
    columns = batch(3 + 2 * negatives)
    names = ClearLoss(None).column_names(len(columns))
    assert names[2 + negatives] == "query_tgt"
    assert (names[-1], names[2]) == (("neg_query_2", "negative_1") if negatives else ("query_tgt", "query_tgt"))
    query, english, target = columns[0], columns[1], columns[2 + negatives]
    forward = 20 * cos(query, torch.cat([english, *columns[2 : 2 + negatives]]))
    reverse = 20 * cos(english, torch.cat([target, *columns[3 + negatives :]]))
    log_f, log_r = forward.log_softmax(1), reverse.log_softmax(1)
    kl = (log_r.exp() * (log_r - log_f)).sum() / len(query)
    found = ClearLoss(None).compute_loss_from_embeddings(columns)
    assert found["forward"].item() == pytest.approx(-0.4 * log_f.diagonal().mean().item(), rel=1e-10)
    assert found["reverse"].item() == pytest.approx(-0.4 * log_r.diagonal().mean().item(), rel=1e-10)
    assert found["kl"].item() == pytest.approx(0.2 * kl.item(), rel=1e-10)
    assert list(ClearLoss(None, beta=0).compute_loss_from_embeddings(columns)) == ["forward", "reverse"]


def test_clear_masks_groups_and_gives_gradients_through_both_sides() -> None:
    one = ClearLoss(None, scale=2.0)
    gradients = checked_gradients(one, 5)
    alone = [c[:2] for c in batch(3)]
    assert one.compute_loss_from_embeddings(alone, LABELS[:2])["forward"].item() == pytest.approx(0)
    assert all(gradients[column].abs().max() > 0 for column in (0, 3))


@pytest.mark.parametrize("count", [1, 2, 4, 6])
def test_clear_names_its_columns(count: int) -> None:
    with pytest.raises(
        UsageError, match=rf"ClearLoss got {count} columns .* query_tgt, neg_query_1 to neg_query_n, in"
    ):
        ClearLoss(None).compute_loss_from_embeddings(batch(count))


def test_clear_weights() -> None:
    with pytest.raises(UsageError, match=r"alpha is 0.7 and beta 0.4"):
        ClearLoss(None, alpha=0.7, beta=0.4)
    assert ClearLoss(None).get_config_dict()["alpha"] == 0.4
    assert "2604.05821" in ClearLoss(None).citation


def test_lakda_by_hand() -> None:
    query, passage, translated = batch(3)
    log_a, log_b = (cos(side, passage).log_softmax(1) for side in (query, translated))
    kl = (log_b.exp() * (log_b - log_a)).sum() / len(query)
    nce = -(20 * cos(query, passage)).log_softmax(1).diagonal().mean()
    found = LakdaLoss(None).compute_loss_from_embeddings([query, passage, translated])
    assert found["nce"].item() == pytest.approx(0.5 * nce.item(), rel=1e-10)
    assert found["kl"].item() == pytest.approx(0.5 * kl.item(), rel=1e-10)
    other = LakdaLoss(None, alpha=0.2, scale=1.0).compute_loss_from_embeddings([query, passage, translated])
    assert other["kl"].item() == pytest.approx(0.2 * kl.item(), rel=1e-10)
    # Two items, numbers written out: cosines 1, 0 and 0.6, 0.8 for a; 0, 1 and 0.8, 0.6 for b.
    a = torch.tensor([[1.0, 0.0], [0.6, 0.8]], dtype=torch.float64)
    b = torch.tensor([[0.0, 1.0], [0.8, 0.6]], dtype=torch.float64)
    found = LakdaLoss(None, alpha=1.0).compute_loss_from_embeddings([a, torch.eye(2, dtype=torch.float64), b])
    # softmax(1, 0) = 0.731059, softmax(0.8, 0.6) = 0.549834; KL of mirrored pairs is (2 p - 1) log(p / (1 - p)).
    assert found["kl"].item() == pytest.approx((0.462117 * 1.0 + 0.099668 * 0.2) / 2, abs=1e-6)
    assert found["nce"].item() == 0.0


def test_lakda_masks_groups_and_gives_gradients_through_both_queries() -> None:
    one = LakdaLoss(None, scale=2.0)
    gradients = checked_gradients(one, 3)
    alone = one.compute_loss_from_embeddings([c[:2] for c in batch(3)], LABELS[:2])
    assert [value.item() for value in alone.values()] == pytest.approx([0, 0])
    assert all(gradient.abs().max() > 0 for gradient in gradients)


def test_lakda_names_its_columns_and_weights() -> None:
    for count in (2, 4):
        with pytest.raises(
            UsageError, match=rf"LakdaLoss got {count} columns besides label; it takes query_en, passage"
        ):
            LakdaLoss(None).compute_loss_from_embeddings(batch(count))
    for alpha in (-0.1, 1.1):
        with pytest.raises(UsageError, match=f"alpha is {alpha}, but must lie between 0 and 1"):
            LakdaLoss(None, alpha=alpha)
    with pytest.raises(UsageError, match="scale is 0"):
        LakdaLoss(None, scale=0)
    assert LakdaLoss(None).get_config_dict() == {"alpha": 0.5, "scale": 20.0, "gather_across_devices": False}
    assert "2509.06195" in LakdaLoss(None).citation


def test_similarity_rows_by_hand() -> None:
    query, english, target, asked = batch(4, rows=3)
    passages = torch.cat([english, target])
    values = []
    for row in range(3):
        others = [place for place in range(6) if place % 3 != row]
        logits = [20 * cos(side[row : row + 1], passages)[0][others] for side in (english, target)]
        values.append(distribution_jsd(*logits).item())
    rows = sum(values) / 3
    asks = distribution_jsd(20 * cos(query, passages), 20 * cos(asked, passages)).mean().item()
    one = SimilarityAlignmentLoss(None)
    assert one.compute_loss_from_embeddings([None, english, target])["sim"].item() == pytest.approx(rows, rel=1e-9)
    four = one.compute_loss_from_embeddings([query, english, target, asked])["sim"].item()
    assert four == pytest.approx((rows + asks) / 2, rel=1e-9)
    same = one.compute_loss_from_embeddings([None, english, english])["sim"]
    assert same.item() == pytest.approx(0, abs=1e-15)


def test_similarity_ignores_a_shift_that_keeps_the_ranking_alike() -> None:
    """Turning every passage of a language into a dimension of its own costs the embedding JSD, not this."""
    english = torch.cat([batch(1, rows=4)[0], torch.zeros(4, 1, dtype=torch.float64)], dim=1)
    mirrored = torch.cat([torch.zeros(4, 1, dtype=torch.float64), batch(1, rows=4)[0]], dim=1)
    rows = [torch.cat([english, english * 3]), torch.cat([english * 3, english])]
    assert SimilarityAlignmentLoss(None).compute_loss_from_embeddings([None, *rows])["sim"].item() < 1e-12
    assert SimilarityAlignmentLoss(None).compute_loss_from_embeddings([None, english, mirrored])["sim"].item() > 1e-3


@pytest.mark.parametrize("root", [False, True])
def test_similarity_gradients_and_fixed_pivot(root: bool) -> None:
    columns = [c.requires_grad_() for c in batch(4)]
    one = SimilarityAlignmentLoss(None, root=root, scale=3.0, epsilon=1e-6)
    assert torch.autograd.gradcheck(lambda *c: one.compute_loss_from_embeddings(c)["sim"], columns)
    fixed = SimilarityAlignmentLoss(None, root=root, fixed_pivot=True).compute_loss_from_embeddings(columns)["sim"]
    gradients = torch.autograd.grad(fixed, columns, allow_unused=True)
    assert gradients[0] is None or gradients[0].abs().max() == 0  # the English query is a target only
    assert gradients[3].abs().max() > 0


def test_similarity_names_its_columns() -> None:
    with pytest.raises(UsageError, match=r"SimilarityAlignmentLoss got 2 columns besides label; it takes query_en,"):
        SimilarityAlignmentLoss(None).compute_loss_from_embeddings(batch(2))
    with pytest.raises(UsageError, match="epsilon is 0"):
        SimilarityAlignmentLoss(None, epsilon=0)


def distance(first: Any, second: Any) -> float:
    units = [torch.nn.functional.normalize(z, dim=1) for z in (first, second)]
    return float(((units[0] - units[1]) ** 2).mean())


def test_distillation_from_embeddings() -> None:
    model: Any = torch.nn.Identity()
    student, taught = batch(2, seed=1), batch(2, seed=2)
    one = DistillationLoss(model)
    found = one.compute_loss_from_embeddings(student, targets=taught)["distillation"].item()
    assert found == pytest.approx((distance(student[0], taught[0]) + distance(student[1], taught[1])) / 2, rel=1e-12)
    assert one.compute_loss_from_embeddings(student, targets=[t * 3 for t in student])["distillation"].item() < 1e-15
    summed = DistillationLoss(model, over_dimensions="sum", weight=2.0)
    assert summed.compute_loss_from_embeddings(student, targets=taught)["distillation"].item() == pytest.approx(
        2 * 4 * found
    )
    raw = DistillationLoss(model, embedding="raw").compute_loss_from_embeddings(student, targets=taught)
    by_hand = torch.stack([((s - t) ** 2).mean() for s, t in zip(student, taught, strict=True)]).mean()
    assert raw["distillation"].item() == pytest.approx(by_hand.item(), rel=1e-12)


def test_distillation_errors() -> None:
    model: Any = torch.nn.Identity()
    with pytest.raises(UsageError, match="needs 2 targets but got 0"):
        DistillationLoss(model).compute_loss_from_embeddings(batch(2))
    with pytest.raises(UsageError, match=r"column_1 has embeddings of shape \(4, 4\), the teacher's \(4, 3\)"):
        DistillationLoss(model).compute_loss_from_embeddings(batch(1), targets=[torch.ones(4, 3)])
    with pytest.raises(
        UsageError, match=r"got 2 columns besides label; it takes query_en, passage_en, passage_tgt and"
    ):
        DistillationLoss(model, target="pivot").compute_loss_from_embeddings(batch(2), targets=batch(2))
    with pytest.raises(UsageError, match="target is 'both', but must be self or pivot"):
        DistillationLoss(model, target="both")  # type: ignore[arg-type, unused-ignore]


def test_combined_refuses_what_cannot_share_a_pass() -> None:
    model: Any = torch.nn.Identity()
    with pytest.raises(UsageError, match="got no losses"):
        CombinedLoss(model, {})
    with pytest.raises(UsageError, match="x is a Identity; only losses of clinometer"):
        CombinedLoss(model, {"x": torch.nn.Identity()})  # type: ignore[dict-item, unused-ignore]
    with pytest.raises(UsageError, match="x trains a different model"):
        CombinedLoss(model, {"x": CrossLingualAlignmentLoss(torch.nn.Identity())})
    both = CombinedLoss(
        model, {"a": CrossLingualAlignmentLoss(model), "b": CrossLingualAlignmentLoss(model, parts="psg")}
    )
    assert both.citation.count("@inproceedings") == 1
    assert both.get_config_dict()["b"]["parts"] == "psg"
