"""Precomputed embeddings: rows as given, counted against the texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.brute_force import random_collection

import clinometer as cm
from clinometer.encoders import Encoder, PrecomputedEncoder
from clinometer.errors import EmbeddingError, FormatError
from clinometer.scorers import EmbeddedScorer

QUERIES = np.array([[1.0, 0.0], [0.5, 0.25]], dtype=np.float32)
DOCUMENTS = np.array([[0.0, 1.0], [1.0, 1.0], [-2.0, 0.5]], dtype=np.float16)


def test_rows_come_back_as_they_are() -> None:
    encoder = PrecomputedEncoder(QUERIES, DOCUMENTS)
    assert isinstance(encoder, Encoder)
    np.testing.assert_array_equal(encoder.encode_queries(["a", "b"]), QUERIES)
    rows = encoder.encode_documents(["a", "b", "c"])
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, DOCUMENTS)


def test_record() -> None:
    record = PrecomputedEncoder(QUERIES, DOCUMENTS, name="mine").record
    assert (record.name, record.kind, record.dimension, record.dtype) == ("mine", "precomputed", 2, "float32/float16")
    assert PrecomputedEncoder(QUERIES, QUERIES).record.dtype == "float32"
    assert PrecomputedEncoder(QUERIES, QUERIES).record.name == "precomputed"


def test_rows_are_read_only_and_the_given_array_stays_writable() -> None:
    own = QUERIES.copy()
    rows = PrecomputedEncoder(own, own).encode_queries(["a", "b"])
    with pytest.raises(ValueError, match="read-only"):
        rows[0, 0] = 3
    own[0, 0] = 3


@given(rows=st.integers(0, 5), texts=st.integers(0, 5))
def test_the_texts_must_be_as_many_as_the_rows(rows: int, texts: int) -> None:
    encoder = PrecomputedEncoder(QUERIES, np.ones((rows, 2), dtype=np.float32))
    if rows == texts:
        assert encoder.encode_documents(["x"] * texts).shape == (rows, 2)
    else:
        with pytest.raises(
            EmbeddingError, match=f"^the documents are {texts} texts, but their embeddings have {rows} rows"
        ):
            encoder.encode_documents(["x"] * texts)


def test_queries_are_counted_against_the_queries() -> None:
    with pytest.raises(EmbeddingError, match=r"^the queries are 3 texts, but their embeddings have 2 rows; give one"):
        PrecomputedEncoder(QUERIES, DOCUMENTS).encode_queries(["a", "b", "c"])


def test_dimensions_must_agree() -> None:
    with pytest.raises(
        EmbeddingError, match=r"^the queries have 2 dimensions and the documents 3; both must come from"
    ):
        PrecomputedEncoder(QUERIES, np.ones((3, 3), dtype=np.float32))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones(3, dtype=np.float32), r"queries must be a \(rows, dimensions\) array, not one of shape \(3,\)"),
        (np.ones((1, 2)), r"must be float32 or float16, not float64; convert them with \.astype\(numpy\.float32\)$"),
        (np.ones((1, 2), dtype=np.int8), "queries must be float32 or float16, not int8; .*, or score packed bits"),
    ],
)
def test_other_arrays_are_refused(array: NDArray[Any], message: str) -> None:
    with pytest.raises(EmbeddingError, match=message):
        PrecomputedEncoder(array, DOCUMENTS)


def test_files_are_mapped(tmp_path: Path) -> None:
    queries, documents = tmp_path / "queries.npy", tmp_path / "documents.npy"
    np.save(queries, QUERIES)
    np.save(documents, DOCUMENTS.astype(np.float32))
    encoder = PrecomputedEncoder.from_files(queries, str(documents), name="mine")
    rows = encoder.encode_documents(["a", "b", "c"])
    np.testing.assert_array_equal(rows, DOCUMENTS)
    assert isinstance(_owner(rows), np.memmap)  # nothing was copied
    assert encoder.record.name == "mine"


def _owner(array: NDArray[Any]) -> object:
    while not isinstance(array, np.memmap) and isinstance(array.base, np.ndarray):
        array = array.base
    return array


def test_files_that_are_no_arrays_of_numbers(tmp_path: Path) -> None:
    good, text, objects, several = (tmp_path / name for name in ("good.npy", "text.npy", "objects.npy", "several.npz"))
    np.save(good, QUERIES)
    text.write_text("1 2 3")
    np.save(objects, np.array([{}], dtype=object), allow_pickle=True)
    np.savez(several, a=QUERIES, b=QUERIES)
    for bad, message in (
        (text, "not a numeric .npy file"),
        (objects, "not a numeric .npy file"),
        (several, "several"),
    ):
        with pytest.raises(FormatError, match=message) as caught:
            PrecomputedEncoder.from_files(good, bad)
        assert caught.value.path == str(bad)
    with pytest.raises(FileNotFoundError):
        PrecomputedEncoder.from_files(good, tmp_path / "absent.npy")


def test_a_scan_takes_float16_documents_as_they_are() -> None:
    collection = random_collection(3)
    draw = np.random.default_rng(0)
    queries = draw.normal(size=(len(collection.queries), 8)).astype(np.float32)
    documents = draw.normal(size=(len(collection.documents), 8)).astype(np.float16)
    scored = EmbeddedScorer(PrecomputedEncoder(queries, documents)).score(collection)
    assert scored.scan.keywords["documents"] is documents  # type: ignore[attr-defined]
    evaluations = [
        cm.evaluate(collection, PrecomputedEncoder(queries, array), scenarios=["mono-same"], resamples=0)
        for array in (documents, documents.astype(np.float32))
    ]
    assert evaluations[0].rows == evaluations[1].rows
