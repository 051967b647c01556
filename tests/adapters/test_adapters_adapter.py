"""The map itself, in NumPy: what it computes, row by row, and what is refused; its files."""

from __future__ import annotations

import builtins
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from clinometer.adapters import Adapter, load
from clinometer.adapters.adapter import _times
from clinometer.errors import EmbeddingError, FormatError, MissingExtraError, UsageError

D, R = 24, 5


def low_rank(seed: int = 0, *, queries: bool = False) -> Adapter:
    draw = np.random.default_rng(seed)
    arrays: dict[str, Any] = {}
    for prefix in ("", "query_") if queries else ("",):
        arrays |= {
            f"{prefix}u": draw.normal(size=(D, R)),
            f"{prefix}v": draw.normal(size=(D, R)),
            f"{prefix}bias": draw.normal(size=D),
        }
    return Adapter("low-rank", arrays, {"seed": seed})


def linear(seed: int = 0) -> Adapter:
    draw = np.random.default_rng(seed)
    return Adapter("linear", {"weight": draw.normal(size=(D, D)), "bias": draw.normal(size=D)})


def rows(count: int, seed: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(count, D)).astype(np.float32)


def units(vectors: NDArray[Any]) -> NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    scaled: NDArray[np.float64] = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return scaled


@pytest.mark.parametrize("kind", ["low-rank", "linear"])
def test_the_identity_only_scales(kind: Any) -> None:
    adapter = Adapter.identity(D, kind, rank=3)
    np.testing.assert_array_equal(adapter.apply(rows(50)), units(rows(50)).astype(np.float32))
    np.testing.assert_array_equal(adapter.apply_queries(rows(50)), adapter.apply(rows(50)))


def test_low_rank_is_the_formula() -> None:
    adapter, x = low_rank(), units(rows(40))
    u, v, bias = (adapter.arrays[name].astype(np.float64) for name in ("u", "v", "bias"))
    np.testing.assert_allclose(adapter.apply(rows(40)), units(x + x @ v @ u.T + bias), atol=1e-6)


def test_linear_is_the_formula() -> None:
    adapter, x = linear(), units(rows(40))
    weight, bias = (adapter.arrays[name].astype(np.float64) for name in ("weight", "bias"))
    np.testing.assert_allclose(adapter.apply(rows(40)), units(x @ weight.T + bias), atol=1e-6)


def test_only_directions_count_and_half_precision_will_do() -> None:
    adapter, x = low_rank(), rows(10)
    np.testing.assert_allclose(adapter.apply(8 * x), adapter.apply(x), atol=1e-7)
    half = x.astype(np.float16)
    np.testing.assert_array_equal(adapter.apply(half), adapter.apply(half.astype(np.float32)))


def test_queries_may_have_their_own_map() -> None:
    both = low_rank(queries=True)
    alone = Adapter("low-rank", {n.removeprefix("query_"): a for n, a in both.arrays.items() if n.startswith("query_")})
    np.testing.assert_array_equal(both.apply_queries(rows(9)), alone.apply(rows(9)))
    assert not np.allclose(both.apply_queries(rows(9)), both.apply(rows(9)))
    assert (both.separate_queries, alone.separate_queries) == (True, False)
    np.testing.assert_array_equal(alone.apply_queries(rows(9)), alone.apply(rows(9)))


@settings(max_examples=25)
@given(start=st.integers(0, 2500), count=st.integers(1, 40), made=st.sampled_from([low_rank, linear]))
def test_a_row_does_not_depend_on_its_batch(start: int, count: int, made: Any) -> None:
    x, adapter = rows(2600), made()
    whole = adapter.apply(x)
    np.testing.assert_array_equal(adapter.apply(x[start : start + count]), whole[start : start + count])
    np.testing.assert_array_equal(adapter.apply(x[::-1][:7]), whole[::-1][:7])
    np.testing.assert_array_equal(
        adapter.apply(np.asfortranarray(x[start : start + count])), whole[start : start + count]
    )


@pytest.mark.parametrize("rank", [1, 3, 40])
def test_the_product_is_exact_to_the_last_bit_of_float64(rank: int) -> None:
    """Rounding to float32 hides nearly every difference, but not for every row of a large store."""
    draw = np.random.default_rng(2)
    x, matrix = draw.normal(size=(300, D)), draw.normal(size=(rank, D))
    whole = _times(x, matrix)
    np.testing.assert_allclose(whole, x @ matrix.T)
    for start, count in ((0, 1), (3, 1), (3, 2), (250, 40)):
        np.testing.assert_array_equal(_times(x[start : start + count].copy(), matrix), whole[start : start + count])


def test_nothing_in_nothing_out() -> None:
    assert low_rank().apply(np.empty((0, D), dtype=np.float32)).shape == (0, D)


def test_other_dimensions_are_refused() -> None:
    with pytest.raises(EmbeddingError, match=r"the documents have shape \(3, 7\), but the adapter maps .* 24 dim"):
        low_rank().apply(np.ones((3, 7), dtype=np.float32))
    with pytest.raises(EmbeddingError, match=r"the queries have shape \(24,\)"):
        low_rank().apply_queries(np.ones(D, dtype=np.float32))


def test_rows_that_cannot_be_used_are_named() -> None:
    x = rows(2100)
    x[2077] = 0
    with pytest.raises(EmbeddingError, match=r"documents: 1 rows are zero, NaN or infinite \(2077\)"):
        low_rank().apply(x)
    nothing = Adapter("linear", {"weight": np.zeros((D, D)), "bias": np.zeros(D)})
    with pytest.raises(EmbeddingError, match=r"queries: the adapter maps 2 rows to nothing \(0, 1\)"):
        nothing.apply_queries(rows(2))


@pytest.mark.parametrize(
    ("kind", "arrays", "text"),
    [
        ("cubic", {}, "unknown adapter kind 'cubic'; expected one of low-rank, linear"),
        ("linear", {"weight": np.eye(2)}, "has the arrays weight, bias, .* but got weight"),
        ("linear", {"weight": np.eye(3), "bias": np.zeros(2)}, r"weight has shape \(3, 3\), but must have \(2, 2\)"),
        ("low-rank", {"u": np.zeros((2, 1)), "v": np.zeros((2, 2)), "bias": np.zeros(2)}, r"u has shape \(2, 1\)"),
        ("linear", {"weight": np.eye(2), "bias": np.array([0, np.nan])}, "bias has NaN"),
        ("linear", {"weight": np.eye(2), "bias": np.zeros(2), "query_bias": np.zeros(2)}, "has the arrays"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(kind: Any, arrays: Any, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        Adapter(kind, arrays)


def test_the_digest_goes_with_what_it_does() -> None:
    assert low_rank().digest == low_rank().digest
    assert low_rank(0).digest != low_rank(1).digest
    # The same numbers in another order of sizes are another map.
    digests = {
        Adapter("low-rank", {"u": zeros, "v": zeros, "bias": np.zeros(len(zeros))}).digest
        for zeros in (np.zeros((3, 4)), np.zeros((9, 1)), np.zeros((1, 13)))
    }
    assert len(digests) == 3
    assert Adapter("low-rank", low_rank().arrays, {"other": 1}).digest == low_rank().digest
    assert low_rank().describe() == {
        "kind": "low-rank",
        "dimension": D,
        "rank": R,
        "separate_queries": False,
        "seed": 0,
    }


needs_files = pytest.mark.skipif(find_spec("safetensors") is None, reason="needs safetensors")


@pytest.mark.models
@needs_files
@pytest.mark.parametrize("adapter", [low_rank(), low_rank(queries=True), linear()])
def test_a_file_brings_back_the_same_bytes(adapter: Adapter, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    adapter.save(path)
    again = load(path)
    np.testing.assert_array_equal(again.apply(rows(20)), adapter.apply(rows(20)))
    np.testing.assert_array_equal(again.apply_queries(rows(20)), adapter.apply_queries(rows(20)))
    assert again.describe() == adapter.describe()
    again.save(tmp_path / "b.safetensors")
    assert (tmp_path / "b.safetensors").read_bytes() == path.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.safetensors", "b.safetensors"]


@needs_files
def test_a_folder_with_an_adapter_is_read_as_its_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no adapter\.safetensors; give a file or folder from"):
        load(tmp_path)
    low_rank().save(tmp_path / "adapter.safetensors")
    assert load(tmp_path).describe() == load(tmp_path / "adapter.safetensors").describe() == low_rank().describe()


@pytest.mark.models
@needs_files
def test_files_that_are_no_adapter_are_named(tmp_path: Path) -> None:
    from safetensors.numpy import save

    path = tmp_path / "a.safetensors"
    with pytest.raises(FileNotFoundError):
        load(path)
    low_rank().save(path)
    good = path.read_bytes()
    flipped = bytearray(good)
    flipped[-1] ^= 1
    arrays = dict(low_rank().arrays)

    def about(**changes: Any) -> dict[str, str]:
        known = {"version": 1, "kind": "low-rank", "settings": {}, "digest": low_rank().digest}
        return {"clinometer-adapter": json.dumps(known | changes)}

    for content, text in (
        (b"", "not an adapter, or damaged"),
        (good[:-5], "not an adapter, or damaged"),
        (b"\x00" * 64, "damaged|not an adapter"),
        (bytes(flipped), "its numbers are not those that were written"),
        (save(arrays), "not an adapter of clinometer; write one with Adapter.save"),
        (save(arrays, {"clinometer-adapter": "{"}), "damaged"),
        (save(arrays, about(version=2)), "adapter of unknown version 2; this program reads version 1"),
        (save(arrays, about(kind="linear")), "damaged .*has the arrays weight, bias"),
        (save({"bias": arrays["bias"]}, about()), "damaged"),
    ):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=text) as caught:
            load(path)
        assert str(caught.value).startswith(str(path))
    path.write_bytes(save(arrays, about()))
    assert load(path).digest == low_rank().digest


def test_without_safetensors_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("safetensors"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    for act in (lambda: low_rank().save(tmp_path / "x"), lambda: load(tmp_path / "x")):
        with pytest.raises(MissingExtraError, match=r"a file of an adapter needs .*clinometer\[safetensors\]"):
            act()
    assert list(tmp_path.iterdir()) == []
