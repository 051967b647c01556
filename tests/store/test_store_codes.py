"""Rows as 16-bit codes: the rule, its error bound, and stores of them beside stores of their decoded rows."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

import clinometer as cm
from clinometer.collection import Texts
from clinometer.encoders import EncoderRecord
from clinometer.errors import EmbeddingError
from clinometer.store import EmbeddingStore, StoreWriter, merge
from clinometer.store.codes import CodedRows, coded, decoded

Make = Callable[..., Any]
RECORD = EncoderRecord(name="m", kind="http")

# Every magnitude that float32 has, subnormal numbers too; the largest ones apart.
ROWS = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(1, 5)),
    elements=st.one_of(
        st.floats(-(2.0**127), 2.0**127, width=32),
        st.floats(-1, 1, width=32),
        st.sampled_from([32767.0, 32767.5, 16383.5, 2.0**-149, -(2.0**-135)]),
    ),
)


def by_hand(row: NDArray[np.float32]) -> list[int]:
    """The rule in rational numbers."""
    exact = [Fraction(float(value)) for value in row]
    exponent = -149
    while max(map(abs, exact)) / Fraction(2) ** exponent > 32767:
        exponent += 1
    return [round(value / Fraction(2) ** exponent) for value in exact] + [exponent]


@settings(max_examples=300)
@given(ROWS)
def test_the_rule(rows: NDArray[np.float32]) -> None:
    codes = coded(rows)
    assert codes.tolist() == [by_hand(row) for row in rows]
    back = decoded(codes)
    assert back.dtype == np.float32
    # Decoding is exact, and the error is what the documentation says.
    for row, code, seen in zip(rows, codes.tolist(), back, strict=True):
        assert [Fraction(float(value)) for value in seen] == [value * Fraction(2) ** code[-1] for value in code[:-1]]
        error = max(abs(Fraction(float(a)) - Fraction(float(b))) for a, b in zip(row, seen, strict=True))
        assert error <= Fraction(float(np.abs(row).max())) / 32767
        assert 2 * error <= Fraction(2) ** code[-1]
    # Coding again loses nothing, and no row depends on the others.
    np.testing.assert_array_equal(coded(back), codes)
    np.testing.assert_array_equal(coded(rows[-1:]), codes[-1:])


def test_codes_that_are_looked_at_in_part() -> None:
    values = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    codes = coded(values)
    rows, whole = CodedRows(codes), decoded(codes)
    assert (len(rows), rows.shape, rows.ndim, rows.nbytes) == (7, (7, 3), 2, 84)
    np.testing.assert_array_equal(rows[3], whole[3])
    assert rows[3].shape == (3,)
    for part in (slice(2, 5), slice(0, 0), [4, 0, 4], np.array([True] * 3 + [False] * 4)):
        np.testing.assert_array_equal(rows[part], whole[part])
    assert np.asarray(rows, dtype=np.float64).dtype == np.float64
    np.testing.assert_array_equal(np.concatenate([rows, rows]), np.concatenate([whole, whole]))
    with pytest.raises(ValueError, match="no array to share"):
        np.asarray(rows, copy=False)


def test_an_int16_store(tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(size=(9, 6)) * np.logspace(-9, 9, 9)[:, None]
    with StoreWriter(tmp_path, RECORD, "documents", "int16") as writer:
        writer.append(values[:5], list("abcde"), ["en"] * 5)
        writer.append(values[5:], list("fghi"), ["de"] * 4)
    found = EmbeddingStore.open(tmp_path)
    found.verify()
    whole = decoded(coded(values.astype(np.float32)))
    assert (found.dimension, found.dtype, found.manifest.dtype) == (6, np.dtype("float32"), "int16")
    assert repr(found).endswith("9 documents, 6 x int16)")
    assert found.describe()["dtype"] == "int16"
    assert found.describe()["bytes"] == 9 * 7 * 2 + sum(file.stat().st_size for file in tmp_path.glob("*.jsonl"))
    # What anybody reads without this package: codes, and the exponent last.
    codes = np.concatenate([np.load(tmp_path / f"0000{number}.npy") for number in range(2)])
    assert codes.dtype == np.int16
    np.testing.assert_array_equal(codes[:, :-1] * 2.0 ** codes[:, -1:].astype(float), whole)
    for start in range(10):
        for stop in range(start, 10):
            np.testing.assert_array_equal(found.rows(start, stop), whole[start:stop])
    assert found.rows(2, 3).dtype == found.rows(2, 2).dtype == found.take([1]).dtype == np.float32
    np.testing.assert_array_equal(found.take([8, 0, 4, 0]), whole[[8, 0, 4, 0]])


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ([np.nan, 1], "hold NaN or infinity"),
        ([1e39, 1], "hold NaN or infinity"),
        # A float32 still, but its code would need 2 ** 128.
        ([float(np.finfo(np.float32).max), 1], "hold NaN or infinity"),
        ([0, 0], "are zero"),
        ([1e-60, 0], "are zero"),
    ],
)
def test_rows_that_codes_cannot_hold(tmp_path: Path, row: list[float], what: str) -> None:
    with StoreWriter(tmp_path, RECORD, "documents", "int16") as writer:
        with pytest.raises(EmbeddingError, match=rf"as int16, 1 rows {what} \('b'\); store float32"):
            writer.append([[1.0, 2.0], row], ["a", "b"], ["en", "en"])
        assert len(writer) == 0
        writer.append([[2.0**-140, 0]], ["c"], ["en"])
    np.testing.assert_array_equal(EmbeddingStore.open(tmp_path).rows(0, 1), [[2.0**-140, 0]])


def write(path: Path, dtype: Any, rows: NDArray[Any], cuts: list[int]) -> EmbeddingStore:
    labels = ["en", "de", "zh"]
    with StoreWriter(path, RECORD, "documents", dtype) as writer:
        for start, stop in zip([0, *cuts], [*cuts, len(rows)], strict=True):
            numbers = range(start, stop)
            writer.append(rows[start:stop], [f"d{n}" for n in numbers], [labels[n % 3] for n in numbers])
    return EmbeddingStore.open(path)


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
@pytest.mark.parametrize("precision", ["float32", "int16-certified"])
def test_a_scan_is_that_of_the_decoded_rows(tmp_path: Path, similarity: Any, precision: Any) -> None:
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(400, 24)).astype(np.float32)
    rows[100:110] = rows[:10]  # ties
    queries = rng.normal(size=(20, 24)).astype(np.float32)
    relevant = [rng.choice(400, 3, replace=False) for _ in range(20)]
    whole = write(tmp_path / "codes", "int16", rows, [])
    plain = write(tmp_path / "plain", "float32", decoded(coded(rows)), [150])
    cut = write(tmp_path / "cut", "int16", rows, [1, 130, 399])
    options: dict[str, Any] = {"k": 12, "similarity": similarity, "precision": precision, "per_language": True}
    wanted = cm.scan(queries, plain, relevant, **options)
    assert wanted.ranks is not None
    assert wanted.top is not None
    for store in (whole, cut, [cut]):
        scan = cm.scan(queries, store, relevant, **options)
        assert scan.ranks is not None
        assert scan.top is not None
        for column in ("scores", "greater", "equal"):
            np.testing.assert_array_equal(getattr(scan.ranks, column), getattr(wanted.ranks, column))
        np.testing.assert_array_equal(scan.top.ids, wanted.top.ids)
        np.testing.assert_array_equal(scan.top.scores.view(np.uint32), wanted.top.scores.view(np.uint32))
    # Queries may be codes too.
    asked = write(tmp_path / "asked", "int16", queries, [7])
    one, other = cm.search(asked, cut, k=5), cm.search(decoded(coded(queries)), cut, k=5)
    np.testing.assert_array_equal(one.ids, other.ids)
    np.testing.assert_array_equal(one.scores, other.scores)
    # The codes are not the float32 rows themselves.
    exact = cm.scan(queries, rows, relevant, similarity=similarity)
    assert exact.ranks is not None
    assert (exact.ranks.scores != wanted.ranks.scores).any()


def test_merges_and_equal_texts_keep_the_codes(tmp_path: Path, texts: Texts, encode: Make) -> None:
    encode(tmp_path / "whole", texts, dtype="int16")
    # Texts 8 and 9 are those of rows 1 and 7, in other shards.
    whole = EmbeddingStore.open(tmp_path / "whole")
    codes = np.concatenate([np.load(file) for file in sorted((tmp_path / "whole").glob("*.npy"))])
    np.testing.assert_array_equal(codes[8:], codes[[1, 7]])
    for name, rows in (("one", range(4)), ("two", range(4, 10))):
        encode(tmp_path / name, texts.take(rows), dtype="int16")
    made = merge([tmp_path / "one", tmp_path / "two"], tmp_path / "both")
    assert made.manifest.dtype == "int16"
    np.testing.assert_array_equal(np.load(tmp_path / "both" / "00000.npy"), np.load(tmp_path / "one" / "00000.npy"))
    np.testing.assert_array_equal(made.rows(0, 4), whole.rows(0, 4))
