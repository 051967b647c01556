"""JSD between embeddings: SPEC's vectors, the axioms of a metric, gradients, and what happens near zero."""

from __future__ import annotations

import itertools
import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinometer.errors import UsageError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")
    pytest.importorskip("sentence_transformers")
    from clinometer.losses.jsd import distribution_jsd, embedding_jsd, jsd_distance

pytestmark = pytest.mark.models

rows = st.lists(st.floats(-8, 8), min_size=5, max_size=5)


def tensor(values: object) -> Any:
    return torch.tensor(values, dtype=torch.float64)


def by_definition(first: np.ndarray, second: np.ndarray) -> float:
    p, q = (np.exp(z) / np.exp(z).sum() for z in (first, second))
    m = (p + q) / 2
    return float((p * np.log(p / m)).sum() / 2 + (q * np.log(q / m)).sum() / 2)


@pytest.mark.parametrize(
    ("first", "second", "divergence", "root"),
    [([1, 2, 3, 4], [4, 3, 2, 1], 0.3754780, 0.6127626), ([1, 0], [0, 1], 0.1109441, 0.3330827)],
)
def test_the_published_vectors(first: list[int], second: list[int], divergence: float, root: float) -> None:
    value = distribution_jsd(torch.tensor(first).float(), torch.tensor(second).float())
    assert value.item() == pytest.approx(divergence, abs=5e-7)
    assert embedding_jsd(tensor([first]), tensor([second]), epsilon=0).item() == pytest.approx(root, abs=5e-8)


def test_base_two_and_temperature() -> None:
    one, two = tensor([1.0, 0.0]), tensor([0.0, 1.0])
    assert distribution_jsd(one, two, log_base="2").item() == pytest.approx(0.1109441 / math.log(2), abs=5e-7)
    far = embedding_jsd(one[None], two[None], temperature=0.01, log_base="2", epsilon=0)
    assert far.item() == pytest.approx(1.0)
    warm = embedding_jsd(one[None] * 3, two[None] * 3, temperature=3.0)
    assert warm.item() == pytest.approx(embedding_jsd(one[None], two[None]).item())


@settings(max_examples=60)
@given(rows, rows)
def test_equals_the_definition_and_is_symmetric(first: list[float], second: list[float]) -> None:
    value = distribution_jsd(tensor(first), tensor(second)).item()
    assert value == pytest.approx(by_definition(np.array(first), np.array(second)), abs=1e-12)
    assert value == pytest.approx(distribution_jsd(tensor(second), tensor(first)).item(), rel=1e-12, abs=1e-15)
    assert 0 <= value <= math.log(2) + 1e-12
    assert distribution_jsd(tensor(first), tensor(first)).item() == 0


@settings(max_examples=60)
@given(rows, rows, rows, st.sampled_from([0.0, 1e-8, 1e-2]))
def test_the_root_keeps_the_triangle_inequality(a: list[float], b: list[float], c: list[float], epsilon: float) -> None:
    def distance(one: list[float], two: list[float]) -> float:
        return float(embedding_jsd(tensor([one]), tensor([two]), epsilon=epsilon))

    for x, y, z in itertools.permutations((a, b, c)):
        assert distance(x, z) <= distance(x, y) + distance(y, z) + 1e-12


def test_the_divergence_alone_breaks_the_triangle_inequality() -> None:
    """So the test above can fail."""
    a, b, c = tensor([6.0, -6.0]), tensor([0.0, 0.0]), tensor([-6.0, 6.0])
    assert distribution_jsd(a, c) > distribution_jsd(a, b) + distribution_jsd(b, c)


def test_nearly_equal_embeddings_keep_their_digits_in_float32() -> None:
    generator = torch.Generator().manual_seed(0)
    first = torch.nn.functional.normalize(torch.randn(768, generator=generator, dtype=torch.float64), dim=0)
    second = first + 1e-5 * torch.randn(768, generator=generator, dtype=torch.float64)
    exact = distribution_jsd(first, second).item()
    rounded = distribution_jsd(first.float().double(), second.float().double()).item()
    assert exact == pytest.approx((first - second).norm().item() ** 2 / (8 * 768), rel=1e-2)
    assert distribution_jsd(first.float(), second.float()).item() == pytest.approx(rounded, rel=2e-2)


def test_far_apart_logits_stay_finite_with_their_gradient() -> None:
    first, second = torch.tensor([[500.0, 0.0]], requires_grad=True), torch.tensor([[0.0, 500.0]], requires_grad=True)
    value = embedding_jsd(first, second)
    torch.autograd.backward(value)
    assert value.item() == pytest.approx(math.sqrt(math.log(2)), abs=1e-6)
    assert torch.isfinite(first.grad).all()
    assert torch.isfinite(second.grad).all()


@pytest.mark.parametrize("read", ["raw", "normalized", "scaled"])
@pytest.mark.parametrize("place", ["inside", "outside"])
@pytest.mark.parametrize("log_base", ["e", "2"])
def test_gradients_against_finite_differences(read: str, place: str, log_base: str) -> None:
    generator = torch.Generator().manual_seed(3)
    first, second = (torch.randn(4, 6, generator=generator, dtype=torch.float64) * 2 for _ in range(2))
    first[0, 0] += 5  # both branches of the formula
    options: dict[str, Any] = {"read": read, "place": place, "log_base": log_base, "temperature": 0.7, "epsilon": 1e-6}
    inputs = (first.requires_grad_(), second.requires_grad_())
    assert torch.autograd.gradcheck(lambda one, two: embedding_jsd(one, two, **options), inputs)


def test_epsilon_inside_or_outside_the_root() -> None:
    same = torch.ones(2, 4, requires_grad=True)
    inside = embedding_jsd(same, torch.ones(2, 4), epsilon=1e-4)
    outside = embedding_jsd(same, torch.ones(2, 4), epsilon=1e-4, place="outside")
    assert inside.item() == pytest.approx(1e-2)
    assert outside.item() == pytest.approx(1e-4)
    for value in (inside, outside):
        (gradient,) = torch.autograd.grad(value, same, retain_graph=True)
        assert torch.equal(gradient, torch.zeros_like(gradient))  # not NaN, at the cusp either
    assert jsd_distance(torch.tensor(0.25), epsilon=0.5, place="outside").item() == 1.0


def test_raw_normalized_and_scaled_read_the_embeddings_differently() -> None:
    generator = torch.Generator().manual_seed(5)
    first, second = torch.randn(3, 8, generator=generator), torch.randn(3, 8, generator=generator)

    def value(read: Any, size: float = 1.0) -> float:
        return float(embedding_jsd(first * size, second * size, read=read, epsilon=0))

    assert value("raw", 5.0) > 1.5 * value("raw")
    assert value("normalized", 5.0) == pytest.approx(value("normalized"), rel=1e-5)
    assert value("scaled", 5.0) == pytest.approx(value("scaled"), rel=1e-5)
    units = [torch.nn.functional.normalize(z, dim=1) for z in (first, second)]
    assert value("normalized") == pytest.approx(embedding_jsd(*units, epsilon=0).item(), rel=1e-5)
    assert value("scaled") == pytest.approx(
        embedding_jsd(*(math.sqrt(8) * z for z in units), epsilon=0).item(), rel=1e-5
    )


def test_half_precision_is_computed_in_float32() -> None:
    one, two = torch.tensor([[1.0, 2.0, 3.0, 4.0]]).bfloat16(), torch.tensor([[4.0, 3.0, 2.0, 1.0]]).bfloat16()
    value = embedding_jsd(one, two, epsilon=0)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(0.6127626, abs=1e-6)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"read": "unit"}, "unknown input of the JSD 'unit'; expected one of raw, normalized, scaled"),
        ({"place": "within"}, "unknown place of epsilon 'within'; expected one of inside, outside"),
        ({"log_base": "10"}, "unknown base of the logarithm '10'; expected one of e, 2"),
        ({"temperature": 0}, "the temperature of the JSD is 0, but must be greater than 0"),
        ({"epsilon": -1e-9}, "the epsilon of the JSD is -1e-09, but cannot be negative"),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        embedding_jsd(torch.ones(1, 2), torch.ones(1, 2), **options)
    assert str(caught.value) == said
