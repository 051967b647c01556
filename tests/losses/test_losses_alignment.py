"""The alignment loss from embeddings: SPEC's vectors, sums and parts, masks, column errors."""

from __future__ import annotations

import math
import warnings
from typing import Any

import pytest

from clinometer.errors import UsageError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")
    pytest.importorskip("sentence_transformers")
    from clinometer.losses import CrossLingualAlignmentLoss, columns, embedding_jsd, info_nce

pytestmark = pytest.mark.models

PASSAGES, QUERIES = [[1.0, 0.0], [0.0, 1.0]], [[0.8, 0.6], [0.6, 0.8]]


def loss(parts: str = "jsd+nce", **options: Any) -> CrossLingualAlignmentLoss:
    return CrossLingualAlignmentLoss(None, parts, **options)


def batch(count: int, width: int = 4, rows: int = 5, seed: int = 0) -> list[Any]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(rows, width, generator=generator, dtype=torch.float64) for _ in range(count)]


def cos(first: Any, second: Any) -> Any:
    return torch.nn.functional.normalize(first, dim=1) @ torch.nn.functional.normalize(second, dim=1).T


@pytest.mark.parametrize(("scale", "value"), [(1.0, 0.5981389), (20.0, 0.0181499)])
def test_the_published_vectors(scale: float, value: float) -> None:
    passages, queries = torch.tensor(PASSAGES), torch.tensor(QUERIES)
    found = loss("nce", scale=scale).compute_loss_from_embeddings([queries, None, passages])
    assert list(found) == ["nce"]
    assert found["nce"].item() == pytest.approx(value, abs=1e-7)
    assert info_nce(passages * 7, queries / 3, scale=scale).item() == pytest.approx(value, abs=1e-7)


def test_the_anchor_is_the_target_passage() -> None:
    query, english, target = batch(3)
    scores = 20 * cos(target, query)
    by_hand = -torch.log_softmax(scores, dim=1).diagonal().mean()
    reverse = -torch.log_softmax(scores.T, dim=1).diagonal().mean()
    found = loss("nce").compute_loss_from_embeddings([query, english, target])["nce"]
    assert found.item() == pytest.approx(by_hand.item(), rel=1e-12)
    assert found.item() != pytest.approx(reverse.item(), rel=1e-3)


def test_the_sum_is_the_sum_of_its_parts_and_weights_count() -> None:
    embeddings = batch(3)
    both = loss("jsd+nce").compute_loss_from_embeddings(embeddings)
    assert list(both) == ["jsd", "nce"]
    assert both["jsd"] == loss("jsd").compute_loss_from_embeddings(embeddings)["jsd"]
    assert both["jsd"] == embedding_jsd(embeddings[1], embeddings[2])
    assert both["nce"] == loss("nce").compute_loss_from_embeddings(embeddings)["nce"]
    heavy = loss("jsd+nce", weights={"jsd": 3}).compute_loss_from_embeddings(embeddings)
    assert heavy["jsd"].item() == pytest.approx(3 * both["jsd"].item())
    assert heavy["nce"] == both["nce"]


def test_psg_is_the_mean_of_both_directions() -> None:
    query, english, target = batch(3)
    there, back = info_nce(english, target), info_nce(target, english)
    found = loss("psg+nce").compute_loss_from_embeddings([query, english, target])
    assert found["psg"].item() == pytest.approx((there + back).item() / 2, rel=1e-12)
    assert list(found) == ["psg", "nce"]


def test_pool_and_mono_by_hand() -> None:
    query, english, target, asked = batch(4, rows=3)
    found = loss("pool+mono", scale=2.0).compute_loss_from_embeddings([query, english, target, asked])
    pool, mono = [], []
    for questions, own in ((query, english), (asked, target)):
        for row in range(3):
            scores = {
                side: torch.exp(2 * cos(questions[row : row + 1], passages))[0]
                for side, passages in (("en", english), ("tgt", target))
            }
            others = sum(scores[side][other] for side in scores for other in range(3) if other != row)
            pool += [-torch.log(scores[side][row] / (scores[side][row] + others)).item() for side in scores]
            same = torch.exp(2 * cos(questions[row : row + 1], own))[0]
            mono.append(-torch.log(same[row] / same.sum()).item())
    assert found["pool"].item() == pytest.approx(sum(pool) / len(pool), rel=1e-10)
    assert found["mono"].item() == pytest.approx(sum(mono) / len(mono), rel=1e-10)


def test_hard_negatives_join_the_candidates() -> None:
    query, english, target, hard = batch(4, rows=3)
    without = loss("mono", scale=1.0).compute_loss_from_embeddings([query, english, target])["mono"]
    found = loss("mono", scale=1.0, negatives=1).compute_loss_from_embeddings([query, english, target, hard])["mono"]
    scores = torch.cat([cos(query, english), cos(query, hard)], dim=1)
    assert found.item() == pytest.approx(-torch.log_softmax(scores, 1)[range(3), range(3)].mean().item(), rel=1e-10)
    assert found > without


@pytest.mark.parametrize("parts", ["nce", "psg", "pool", "mono", "sim"])
def test_translations_of_one_item_are_never_negatives(parts: str) -> None:
    embeddings = batch(3, rows=3)
    one_item = loss(parts).compute_loss_from_embeddings(embeddings, torch.tensor([4, 4, 4]))[parts]
    three_items = loss(parts).compute_loss_from_embeddings(embeddings, torch.tensor([4, 5, 6]))[parts]
    assert one_item.item() == pytest.approx(0, abs=1e-12)
    assert three_items.item() > 1e-3
    assert three_items == loss(parts).compute_loss_from_embeddings(embeddings)[parts]


def test_masked_rows_leave_the_sum() -> None:
    query, english, target = batch(3, rows=3)
    labels = torch.tensor([1, 1, 2])
    scores = 20 * cos(target, query)
    scores[0, 1] = scores[1, 0] = -math.inf
    by_hand = -torch.log_softmax(scores, dim=1).diagonal().mean()
    found = loss("nce").compute_loss_from_embeddings([query, english, target], labels)["nce"]
    assert found.item() == pytest.approx(by_hand.item(), rel=1e-12)
    assert found < loss("nce").compute_loss_from_embeddings([query, english, target])["nce"]


@pytest.mark.parametrize("parts", ["jsd+nce", "psg", "pool", "mono", "sim"])
@pytest.mark.parametrize("count", [3, 4])
def test_gradients_against_finite_differences(parts: str, count: int) -> None:
    one = loss(parts, scale=3.0)
    names = one.column_names(count)
    used = one.columns_used(names)
    embeddings = batch(count, rows=4)
    leaves = [e.requires_grad_() for e, name in zip(embeddings, names, strict=True) if name in used]

    def total(*given: Any) -> Any:
        columns = iter(given)
        filled = [next(columns) if name in used else None for name in names]
        return torch.stack(list(one.compute_loss_from_embeddings(filled, torch.tensor([0, 0, 1, 2])).values())).sum()

    assert torch.autograd.gradcheck(total, leaves)


def test_a_single_row_has_no_negatives_and_no_nan() -> None:
    for parts in ("nce", "psg", "pool", "mono", "sim"):
        embeddings = [e.requires_grad_() for e in batch(3, rows=1)]
        (value,) = loss(parts).compute_loss_from_embeddings(embeddings).values()
        torch.autograd.backward(value)
        assert value.item() == pytest.approx(0, abs=1e-12)
        assert all(e.grad is None or torch.isfinite(e.grad).all() for e in embeddings)


def test_autocast_does_not_reach_the_loss() -> None:
    embeddings = [e.float() for e in batch(3)]
    plain = loss("jsd+nce").compute_loss_from_embeddings(embeddings)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = loss("jsd+nce").compute_loss_from_embeddings(embeddings)
    assert {name: value.item() for name, value in plain.items()} == {n: v.item() for n, v in cast.items()}


def test_candidates_of_all_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two devices played by one: the other device's rows are candidates, and labels hold across devices."""
    columns_all = batch(3, rows=6)
    labels = torch.tensor([0, 1, 2, 0, 3, 4])
    here, there = slice(3, 6), slice(0, 3)
    found = {}
    for rank, mine in ((0, there), (1, here)):
        others = iter([*columns_all[::2]])  # query_en and passage_tgt, in the order of the columns
        monkeypatch.setattr(columns, "all_gather_with_grad", lambda _, others=others: next(others))
        monkeypatch.setattr(columns, "all_gather", lambda _: labels)
        monkeypatch.setattr(columns, "_rank", lambda rank=rank: rank)
        local = [c[mine] for c in columns_all]
        one = loss("nce", gather_across_devices=True)
        found[rank] = one.compute_loss_from_embeddings([local[0], None, local[2]], labels[mine])["nce"]
    whole = loss("nce").compute_loss_from_embeddings(columns_all, labels)["nce"]
    assert ((found[0] + found[1]) / 2).item() == pytest.approx(whole.item(), rel=1e-12)


def test_columns_are_named_in_every_message() -> None:
    with pytest.raises(
        UsageError, match=r"got 2 columns besides label; it takes query_en, passage_en, passage_tgt and"
    ):
        loss().compute_loss_from_embeddings(batch(2))
    with pytest.raises(UsageError, match=r"optionally query_tgt, then 2 hard negatives, in this order"):
        loss("pool", negatives=2).compute_loss_from_embeddings(batch(4))
    query, english, _ = batch(3)
    with pytest.raises(
        UsageError, match=r"^passage_tgt \(column 3\) has shape \(5, 3\), but passage_en \(5, 4\); row i"
    ):
        loss("jsd").compute_loss_from_embeddings([query, english, torch.ones(5, 3)])
    with pytest.raises(UsageError, match=r"^query_en \(column 1\) has shape \(4,\), but should be \(rows, dimension\)"):
        loss("nce").compute_loss_from_embeddings([torch.ones(4), english, english])
    with pytest.raises(
        UsageError, match=r"needs embeddings of passage_en \(column 2\); the columns are query_en, pass"
    ):
        loss("jsd").compute_loss_from_embeddings([query, None, english])


@pytest.mark.parametrize(
    "labels", [torch.zeros(4, dtype=torch.long), torch.zeros(5), torch.zeros(5, 1, dtype=torch.long)]
)
def test_labels_are_whole_numbers_one_for_each_row(labels: Any) -> None:
    with pytest.raises(UsageError, match=r"the label column gave .* for 5 rows, but it should hold one whole number"):
        loss().compute_loss_from_embeddings(batch(3), labels)


@pytest.mark.parametrize(
    ("parts", "options", "said"),
    [
        ("jsd+mse+x", {}, r"unknown part 'mse', 'x'; expected any of jsd, nce, psg, pool, mono, sim, joined by '\+'"),
        ("nce+nce", {}, r"'nce\+nce' names a part twice"),
        ("nce", {"weights": {"jsd": 1.0}}, "weights names 'jsd', but the parts are nce"),
        ("nce", {"weights": {"nce": 0}}, "the weight of nce is 0, but must be greater than 0"),
        ("nce", {"scale": 0}, "scale is 0, but must be greater than 0"),
        ("nce", {"negatives": 2}, "hard negatives have no effect in nce; add pool or mono"),
        ("pool", {"negatives": -1}, "negatives is -1"),
        ("jsd", {"jsd_input": "x"}, "unknown input of the JSD 'x'"),
    ],
)
def test_options_that_cannot_be_used(parts: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        loss(parts, **options)


def test_configuration_and_citation() -> None:
    config = loss("psg+nce", weights={"psg": 0.5}, scale=10).get_config_dict()
    assert config["parts"] == "psg+nce"
    assert config["weights"] == {"psg": 0.5, "nce": 1.0}
    assert (config["scale"], config["jsd_input"], config["gather_across_devices"]) == (10, "raw", False)
    assert "2604.05684" in loss().citation
