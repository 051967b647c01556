"""Arguments of a scan that were once read as something else, or ended in an error of another library."""

from __future__ import annotations

from collections import OrderedDict
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import clinometer as cm
from clinometer.errors import ClinometerError, EmbeddingError, UsageError
from clinometer.scanning.arguments import repeated_pair

DOCUMENTS = np.eye(4, dtype=np.float32)
QUERIES = DOCUMENTS[[3, 2, 1]]


@given(st.permutations([0, 1, 2]), st.sampled_from([dict, OrderedDict, lambda items: MappingProxyType(dict(items))]))
def test_a_mapping_gives_the_documents_by_query(order: list[int], mapping: Any) -> None:
    by_query = mapping([(query, [3 - query]) for query in order])
    counts = cm.rank_relevant(QUERIES, DOCUMENTS, by_query)
    assert counts.documents.tolist() == [3, 2, 1]
    assert counts.ranks().tolist() == [1, 1, 1]
    scores = QUERIES @ DOCUMENTS.T
    from_scores = cm.scan_scores(scores, by_query).ranks
    assert from_scores is not None
    assert from_scores.documents.tolist() == [3, 2, 1]
    left = cm.search(QUERIES, DOCUMENTS, k=1, exclude=by_query)
    assert left.ids[:, 0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int32])
def test_numbers_of_numpy_are_numbers(kind: Any) -> None:
    rng = np.random.default_rng(3)
    queries, documents = rng.normal(size=(5, 8)), rng.normal(size=(300, 8))
    hidden = [range(30)] * 5

    def lists(k: Any) -> list[Any]:
        pooled = cm.scan(queries, documents, k=1, pool_k=k, exclude=hidden).pooled
        from_scores = cm.scan_scores(queries @ documents.T, None, k=k, exclude=hidden).top
        assert pooled is not None
        assert from_scores is not None
        return [cm.search(queries, documents, k=k, exclude=hidden).ids, pooled.ids, from_scores.ids]

    for own, plain in zip(lists(kind(120)), lists(120), strict=True):
        assert (own == plain).all()
    assert (cm.search(queries, documents, k=3, block=kind(100)).ids == cm.search(queries, documents, k=3).ids).all()


@pytest.mark.parametrize(
    ("relevant", "sentence"),
    [
        ({0: [1], 1: [2]}, "lacks query 2; its keys must be the numbers of all queries, 0 to 2"),
        ({0: [1], 1: [2], 2: [3], 7: [0]}, "has query 7"),
        ({"a": [1], "b": [2], "c": [3]}, "keys must be the numbers of the queries, 0 to 2"),
        ({True: [1], False: [2], 2: [3]}, "keys must be the numbers of the queries"),
        ({0, 1, 2}, "relevant documents are a set; give a list"),
        (7, "relevant documents are an int; give a list"),
        ([[[1]], [2], [3]], "query 0 have 2 dimensions"),
        ([[[1], [2, 3]], [1], [2]], "query 0 are a list, but must be a list of integers"),
        ([np.array([2**63 + 1], dtype=np.uint64), [2], [3]], "hold 9223372036854775809"),
        ([{1: 2}, [2], [3]], "query 0 are object, but must be integers"),
    ],
)
def test_relevant_documents_of_other_forms_are_refused(relevant: Any, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        cm.scan(QUERIES, DOCUMENTS, relevant)
    with pytest.raises(UsageError, match=sentence.replace("relevant", "excluded")):
        cm.scan(QUERIES, DOCUMENTS, exclude=relevant, k=1)


@pytest.mark.parametrize(
    ("languages", "sentence"),
    [
        ("abcd", "must be a list of texts, not 'abcd'"),
        ([b"de"] * 4, "item 0 is b'de'"),
        (["a", "b", None, "c"], "item 2 is None"),
        ([1, "1", 1, 1], "item 0 is 1"),
        ([1.5, 1, 1, 1], "item 0 is 1.5"),
        ([True, False, True, True], "item 0 is True"),
        ({0: "a", 1: "b", 2: "a", 3: "a"}, "must be a list of texts"),
        (np.zeros((4, 2), dtype=int), "not an array of shape"),
        ([2**70] * 4, "must be between 0 and 65535"),
        (7, "must be a list of texts, not 7"),
    ],
)
def test_languages_are_texts_or_codes(languages: Any, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        cm.scan(QUERIES, DOCUMENTS, [[0], [1], [2]], languages)


@pytest.mark.parametrize("kind", ["i1", "i2", "<i4", ">i4", "<i8", ">i8", "u1", "u2", "<u8", ">u8"])
def test_codes_of_any_width_are_read_alike_and_negative_ones_refused(kind: str) -> None:
    codes = np.array([0, 2, 1, 2, 9, 0, 9, 9], dtype=kind)[::2]
    counts = cm.rank_relevant(QUERIES, DOCUMENTS, [[0], [1], [2]], codes[[0, 1, 2, 0]])
    assert counts.languages == tuple(map(str, range(10)))
    assert counts.codes.tolist() == [0, 1, 9]
    limits = np.iinfo(kind)
    for wrong in (-1, limits.min, limits.max):
        if 0 <= wrong < 1 << 16 or wrong < limits.min:
            continue
        codes = np.array([0, 1, wrong, 0], dtype=kind)
        with pytest.raises(UsageError, match="between 0 and 65535"):
            cm.rank_relevant(QUERIES, DOCUMENTS, [[0], [1], [2]], codes)


@pytest.mark.parametrize("ids", [[1, 2, 3, 4], {"a": 1}, "abcd", ["a", "b", "c", 4]])
def test_document_ids_are_texts(ids: Any) -> None:
    with pytest.raises(UsageError, match=r"document_ids must be a list of texts"):
        cm.scan(QUERIES, DOCUMENTS, [[0], [1], [2]], ties="trec", document_ids=ids)


def test_ids_that_are_not_utf8_have_an_order() -> None:
    counts = cm.rank_relevant(DOCUMENTS[:1], DOCUMENTS[[0, 0]], [[0]], ties="trec", document_ids=["a", "\ud800"])
    assert counts.ranks().tolist() == [2]


@pytest.mark.parametrize(
    "options",
    [
        *({"k": k} for k in (1.5, "3", None, True, [1], np.array([1, 2]), 2**64)),
        *({"block": block} for block in (2.5, None, "2")),
        *({"threads": threads} for threads in (1.5, "2", True, 5000, 2**70)),
        *({"memory_budget": budget} for budget in (1.5, float("inf"), True, b"4GB", "1_0MB", "٤GB", "4GiB")),
        *({name: np.array(["a"])} for name in ("ties", "similarity", "precision", "kernel", "executor")),
        {"per_language": np.array([True, False])},
        {"per_language": "yes"},
    ],
)
def test_options_of_the_wrong_kind_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        cm.scan(QUERIES, DOCUMENTS, [[0], [1], [2]], **options)
    assert len(str(caught.value)) < 300


class _Raising:
    """Stands for tensors of other libraries, which may not become arrays."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("this tensor is on another device")


@pytest.mark.parametrize("rows", [_Raising(), None, {}, "abc", (row for row in [[1.0]]), np.array({})])
def test_what_is_not_an_array_is_refused(rows: Any) -> None:
    for arguments in ((rows, DOCUMENTS), (QUERIES, rows)):
        with pytest.raises(ClinometerError):
            cm.scan(arguments[0], arguments[1], [[0], [1], [2]])


@pytest.mark.parametrize("similarity", ["cosine", "hamming"])
@pytest.mark.parametrize("rows", [[[[1], [1, 2]]], [[1], [1, 2]]])
def test_rows_of_different_lengths_are_refused(rows: Any, similarity: Any) -> None:
    with pytest.raises(EmbeddingError, match="documents have rows of different lengths"):
        cm.search(
            np.ones((1, 1), dtype=np.uint8 if similarity == "hamming" else np.float32), rows, similarity=similarity
        )


def test_unaligned_rows_are_copied() -> None:
    memory = bytearray(1 + DOCUMENTS.nbytes)
    memory[1:] = DOCUMENTS.tobytes()
    rows = np.frombuffer(memory, dtype=np.float32, offset=1).reshape(4, 4)
    assert not rows.flags.aligned
    assert cm.search(QUERIES, rows, k=1).ids[:, 0].tolist() == [3, 2, 1]


def test_a_view_of_one_row_is_not_copied_many_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clinometer.memory.available_bytes", lambda: 1_000_000)
    rows = np.broadcast_to(DOCUMENTS[:1], (1_000_000, 4))
    with pytest.raises(UsageError, match=r"need 16\.0 MB, but 1\.0 MB of memory are free"):
        cm.search(QUERIES, rows, k=1)


def test_values_beyond_float32_are_named_by_row() -> None:
    with pytest.raises(EmbeddingError, match="row 0 of the queries has NaN or infinite"):
        cm.scan(QUERIES.astype(np.float64) * 1e300, DOCUMENTS, [[0], [1], [2]])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=12), st.booleans())
def test_a_pair_that_occurs_twice_is_seen_in_any_order(pairs: list[tuple[int, int]], ascending: bool) -> None:
    pairs = sorted(pairs) if ascending else pairs
    queries, documents = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    at = repeated_pair(queries, documents)
    assert (at is None) == (len(set(pairs)) == len(pairs))
    if at is not None:
        assert pairs.count(pairs[at]) > 1
