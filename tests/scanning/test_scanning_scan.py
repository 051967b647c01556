"""The metric backend: what it takes, what it gives back, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from support.brute_force import embeddings, ordered, rank_of, scores_of

import clinometer as cm
from clinometer import _core
from clinometer.errors import ClinometerError, EmbeddingError, UsageError
from clinometer.scanning import pool
from clinometer.scanning.arguments import tie_places
from clinometer.scanning.passes import scan_piece

# Scores of the first query: 1, 0.8, 0.6, 0; of the second: 0, 0.6, 0.8, 1.
DOCUMENTS = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1]], dtype=np.float32)
QUERIES = DOCUMENTS[[0, 3]]


def test_ranks_and_lists_of_a_small_pool() -> None:
    found = cm.scan(QUERIES, DOCUMENTS, [[2, 0], [3]], ["en", "de", "de", "en"], k=3)
    assert found.ranks is not None
    assert found.top is not None
    assert found.ranks.indptr.tolist() == [0, 2, 3]
    assert found.ranks.documents.tolist() == [2, 0, 3]
    assert found.ranks.languages == ("en", "de")
    assert found.ranks.codes.tolist() == [1, 0, 0]
    assert found.ranks.scores.tolist() == [np.float32(0.6), 1, 1]
    assert found.ranks.greater.tolist() == [[1, 1], [0, 0], [0, 0]]
    assert found.ranks.equal.tolist() == [[0, 0]] * 3
    assert found.ranks.ranks().tolist() == [3, 1, 1]
    assert found.top.ids.tolist() == [[0, 1, 2], [3, 2, 1]]
    assert found.top.scores.tolist() == [[np.float32(x) for x in (1, 0.8, 0.6)]] * 2
    assert found.top.languages is None
    assert found.top.k == 3


def test_parts_that_were_not_asked_for_are_none() -> None:
    assert cm.scan(QUERIES, DOCUMENTS, [[0], [1]]).top is None
    assert cm.scan(QUERIES, DOCUMENTS, k=1).ranks is None
    nothing = cm.scan(QUERIES, DOCUMENTS)
    assert (nothing.ranks, nothing.top) == (None, None)


def test_lists_per_language_are_filled_up() -> None:
    top = cm.search(QUERIES, DOCUMENTS, k=3, languages=["en", "de", "de", "en"], per_language=True)
    assert top.languages == ("en", "de")
    assert top.ids.tolist() == [[[0, 3, -1], [1, 2, -1]], [[3, 0, -1], [2, 1, -1]]]
    assert_array_equal(np.isnan(top.scores), top.ids == -1)
    assert cm.search(QUERIES, DOCUMENTS, k=6).ids.tolist() == [[0, 1, 2, 3, -1, -1], [3, 2, 1, 0, -1, -1]]


@pytest.mark.parametrize(
    "relevant",
    [
        [[2, 0], []],
        [np.array([2, 0]), np.array([])],
        ((2, 0), ()),
        (np.array([0, 2, 2]), np.array([2, 0])),
        (np.array([0, 2, 2], dtype=np.int32), np.array([2, 0], dtype=np.uint8)),
    ],
    ids=["lists", "arrays", "tuples", "csr", "narrow csr"],
)
def test_relevant_documents_may_come_in_several_forms(relevant: Any) -> None:
    counts = cm.rank_relevant(QUERIES, DOCUMENTS, relevant)
    assert counts.indptr.tolist() == [0, 2, 2]
    assert counts.ranks().tolist() == [3, 1]


def test_one_relevant_document_for_each_query_may_come_flat() -> None:
    relevant: Any
    for relevant in ([1, 1], np.array([1, 1]), np.array([[1], [1]])):
        assert cm.rank_relevant(QUERIES, DOCUMENTS, relevant).ranks().tolist() == [2, 3]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, ">f4"])
def test_numbers_of_any_type_are_read(dtype: Any) -> None:
    rows = (DOCUMENTS * 10).astype(dtype)
    assert cm.rank_relevant(rows[[0, 3]], rows, [[2], [2]]).ranks().tolist() == [3, 2]
    assert cm.search(rows[[0, 3]].tolist(), rows.tolist(), k=1).ids.tolist() == [[0], [3]]


def test_cosine_ignores_length_and_dot_does_not() -> None:
    documents = [[1, 0], [3, 3]]
    assert cm.search([[1, 0.1]], documents, k=1).ids.tolist() == [[0]]
    assert cm.search([[1, 0.1]], documents, k=1, similarity="dot").ids.tolist() == [[1]]
    assert cm.search([[2, 0]], [[0.5, 9]], k=1, similarity="dot").scores.tolist() == [[1]]


def test_languages_may_be_codes() -> None:
    labels = cm.rank_relevant(QUERIES, DOCUMENTS, [[2], [3]], languages=["a", "b", "b", "a"])
    codes = cm.rank_relevant(QUERIES, DOCUMENTS, [[2], [3]], languages=[0, 2, 2, 0])
    assert codes.languages == ("0", "1", "2")
    assert codes.ranks(["0", "2"]).tolist() == labels.ranks().tolist()
    assert codes.ranks(["2"]).tolist() == labels.ranks(["b"]).tolist() == [2, 0]
    assert codes.greater[:, 1].tolist() == [0, 0]


def test_negative_zero_ties_with_zero() -> None:
    counts = cm.rank_relevant([[1, 0]], [[-0.0, 1], [0.0, -1], [0.0, 1]], [[2]], similarity="dot")
    assert counts.equal.tolist() == [[2]]
    assert cm.search([[1, 0]], [[0.0, 1], [-0.0, 1]], k=2, similarity="dot").ids.tolist() == [[0, 1]]


def test_a_duplicate_of_the_relevant_document_ties_and_the_document_itself_does_not_count() -> None:
    documents = DOCUMENTS[[1, 0, 1, 1, 3]]
    for ties, rank in {"index": 3, "trec": 3, "optimistic": 2, "pessimistic": 4, "expected": 3.0}.items():
        mode: Any = ties
        counts = cm.rank_relevant(QUERIES[:1], documents, [[2]], ties=mode)
        assert counts.ranks().tolist() == [rank]
        assert (counts.tied, counts.equal.tolist(), counts.before.tolist()) == (1, [[2]], [[1]])


def test_trec_ties_go_by_id_descending_as_bytes() -> None:
    documents = np.ones((4, 2), dtype=np.float32)
    ids = ["d9", "d10", "é", "D"]
    top = cm.search(QUERIES[:1], documents, k=4, ties="trec", document_ids=ids)
    assert [ids[row] for row in top.ids[0]] == ["é", "d9", "d10", "D"]
    assert cm.search(QUERIES[:1], documents, k=4, ties="trec").ids.tolist() == [[3, 2, 1, 0]]
    assert cm.search(QUERIES[:1], documents, k=4, document_ids=ids).ids.tolist() == [[0, 1, 2, 3]]
    assert cm.rank_relevant(QUERIES[:1], documents, [[1]], ties="trec", document_ids=ids).ranks().tolist() == [3]


def test_tie_places() -> None:
    assert tie_places("index", ["b", "a"], 2) is None
    assert tie_places("expected", None, 2) is None
    for ids, places in ((["b", "c", "a"], [1, 0, 2]), (None, [2, 1, 0])):
        found = tie_places("trec", ids, 3)
        assert found is not None
        assert found.tolist() == places


@settings(max_examples=60)
@given(seed=st.integers(0, 1 << 20), tied=st.booleans(), ties=st.sampled_from(["index", "trec"]), k=st.integers(1, 20))
def test_excluded_documents_are_as_good_as_absent(seed: int, tied: bool, ties: Any, k: int) -> None:
    rng = np.random.default_rng(seed)
    queries, documents = embeddings(seed + 1, 4, 2, tied), embeddings(seed + 2, 16, 2, tied)
    languages = np.array(["en", "de"])[rng.integers(0, 2, 16)]
    ids = [f"d{number}" for number in rng.permutation(16)]
    chosen = [rng.permutation(16) for _ in range(4)]
    relevant = [rows[: rng.integers(1, 4)] for rows in chosen]
    exclude = [rows[len(rows) - rng.integers(0, 6) :] for rows in chosen]
    options: dict[str, Any] = {"ties": ties, "document_ids": ids}
    whole = cm.scan(queries, documents, relevant, languages, k, exclude=exclude, **options)
    split = cm.search(queries, documents, k, languages, per_language=True, exclude=exclude, **options)
    assert whole.ranks is not None
    assert whole.top is not None
    scores = scores_of(queries, documents)
    for query in range(4):
        left = np.setdiff1d(np.arange(16), exclude[query])
        names = [ids[row] for row in left]
        order = left[ordered(scores[query][left], ties, names)]
        assert whole.top.ids[query].tolist() == [*order[:k], *[-1] * (k - len(order))]
        for code, label in enumerate(split.languages or ()):
            kept = order[languages[order] == label]
            assert split.ids[query, code].tolist() == [*kept[:k], *[-1] * (k - len(kept))]
        rows = slice(whole.ranks.indptr[query], whole.ranks.indptr[query + 1])
        wanted = [rank_of(scores[query][left], left.tolist().index(row), ties, names) for row in relevant[query]]
        assert whole.ranks.ranks()[rows].tolist() == wanted
        assert whole.ranks.documents[rows].tolist() == relevant[query].tolist()


ONE = np.ones((1, 2), dtype=np.float32)
BAD = np.array([[1, 0], [0, 0], [np.nan, 1], [1, np.inf], [-0.0, 0], [0, 0], [0, 0]], dtype=np.float32)
MISTAKES: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"queries": ONE[0]}, EmbeddingError, r"queries have shape \(2,\), but must be \(rows, dimension\)"),
    ({"documents": []}, EmbeddingError, r"documents have shape \(0,\), but must be"),
    ({"documents": np.ones((3, 0))}, EmbeddingError, r"documents have shape \(3, 0\)"),
    ({"documents": np.ones((3, 3))}, EmbeddingError, "queries have dimension 2, documents 3; encode both with one"),
    ({"documents": [ONE, np.ones((3, 3))]}, EmbeddingError, "queries have dimension 2, documents 3"),
    (
        {"documents": [[1, 2], [3]]},
        EmbeddingError,
        "documents have rows of different lengths; all must have the same dimension",
    ),
    ({"documents": [["a", "b"]]}, EmbeddingError, "documents are <U1, but must be float32 or float16"),
    ({"documents": ONE.astype(complex)}, EmbeddingError, "documents are complex128, but must be float32 or float16"),
    ({"documents": ONE.astype(bool)}, EmbeddingError, "documents are bool"),
    ({"documents": BAD}, EmbeddingError, "row 1 of the documents is all zeros"),
    ({"documents": BAD[[0, 2]]}, EmbeddingError, "row 1 of the documents .*(NaN|infinite)"),
    ({"documents": BAD[[0, 0, 3]]}, EmbeddingError, "row 2 of the documents .*(NaN|infinite)"),
    ({"documents": [BAD[:1], BAD[:2]]}, EmbeddingError, "row . of the documents is all zeros"),
    ({"queries": BAD[1:2]}, EmbeddingError, "row 0 of the queries is all zeros"),
    ({"queries": np.full((1, 2), 3e38), "documents": ONE * 3e38, "similarity": "dot"}, EmbeddingError, "document"),
    ({"documents": np.ones((0, 2))}, UsageError, "nothing to scan: 1 queries, 0 documents"),
    ({"queries": np.ones((0, 2))}, UsageError, "nothing to scan: 0 queries, 1 documents"),
    ({"k": -1}, UsageError, "k is -1, but cannot be negative"),
    ({"ties": "random"}, UsageError, "unknown tie mode 'random'; expected one of index, trec, optimistic"),
    ({"similarity": "euclid"}, UsageError, "unknown similarity 'euclid'; expected one of cosine, dot, hamming"),
    ({"threads": 0}, UsageError, "threads is 0, but must be 1 or more"),
    ({"block": 0}, UsageError, "block is 0, but must be 1 or more"),
    ({"kernel": "avx1024"}, UsageError, "this machine has no kernel 'avx1024'; it has .*portable"),
    ({"languages": ["en", "de"]}, UsageError, "2 languages for 1 documents; give one for each"),
    ({"languages": [-1]}, UsageError, "language codes must be between 0 and 65535"),
    ({"languages": [1 << 16]}, UsageError, "language codes must be between 0 and 65535"),
    ({"ties": "trec", "document_ids": ["a", "b"]}, UsageError, "2 document ids for 1 documents; give one for each"),
    ({"relevant": [[0], [0]]}, UsageError, "relevant documents for 2 queries, but there are 1"),
    ({"relevant": [[1]]}, UsageError, "query 0 names document 1 as relevant, but documents are numbered 0 to 0"),
    ({"relevant": [[-1]]}, UsageError, "query 0 names document -1 as relevant"),
    ({"relevant": [[0, 0]]}, UsageError, "query 0 names relevant document 0 twice"),
    ({"relevant": [["0"]]}, UsageError, "the relevant documents of query 0 are <U1, but must be integers"),
    ({"relevant": [[0.5]]}, UsageError, "the relevant documents of query 0 are float64, but must be integers"),
    ({"relevant": (np.array([0, 2]), np.array([0]))}, UsageError, "indptr of the relevant documents must ascend"),
    ({"relevant": (np.array([0, 1]), np.array([0.7]))}, UsageError, "indptr and indices .* must be integers"),
    ({"exclude": [[1]]}, UsageError, "query 0 names document 1 as excluded, but documents are numbered 0 to 0"),
    ({"relevant": [[0]], "exclude": [[0]]}, UsageError, "document 0 is both relevant to and excluded from query 0"),
]


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize(
    ("options", "kind", "sentence"), MISTAKES, ids=[f"{n}-{'-'.join(mistake[0])}" for n, mistake in enumerate(MISTAKES)]
)
def test_what_cannot_be_scanned_is_refused(options: dict[str, Any], kind: type[Exception], sentence: str) -> None:
    with pytest.raises(kind, match=sentence) as caught:
        cm.scan(**({"queries": ONE, "documents": ONE} | options))
    assert isinstance(caught.value, ClinometerError)
    assert "\n" not in str(caught.value)


def test_csr_must_ascend() -> None:
    for indptr in ([0, 2, 1], [1, 1, 1], [0, 0, 0]):
        with pytest.raises(UsageError, match="must ascend from 0 to the number of indices"):
            cm.rank_relevant(QUERIES, DOCUMENTS, (np.array(indptr), np.array([1])))


def test_a_search_returns_at_least_one_document() -> None:
    with pytest.raises(UsageError, match="k is 0, but a search returns at least one document"):
        cm.search(QUERIES, DOCUMENTS, k=0)


def test_inputs_are_left_as_they_were() -> None:
    queries, documents = QUERIES * 3, DOCUMENTS * 7
    before = queries.copy(), documents.copy()
    queries.flags.writeable = documents.flags.writeable = False
    cm.scan(queries, documents, [[0], [1]], k=2)
    assert_array_equal(queries, before[0])
    assert_array_equal(documents, before[1])


def test_the_bar_counts_all_documents_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    cm.search(QUERIES, [DOCUMENTS, DOCUMENTS], k=1)
    assert capsys.readouterr() == ("", "")
    cm.search(QUERIES, [DOCUMENTS, DOCUMENTS], k=1, show_progress_bar=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("scan: 8 of 8 documents, ")
    assert err.count("\n") == 1


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 20), k=st.integers(0, 4), pool_k=st.integers(1, 30), per_language=st.booleans(),
       excluded=st.booleans(), tied=st.booleans())  # fmt: skip
def test_long_lists_of_the_pool_come_with_short_ones(
    seed: int, k: int, pool_k: int, per_language: bool, excluded: bool, tied: bool
) -> None:
    queries, documents = embeddings(seed, 9, 3, tied), embeddings(seed + 1, 40, 3, tied)
    languages = np.random.default_rng(seed).choice(["en", "de", "zh"], size=40)
    options: dict[str, Any] = {"exclude": [[query, query + 1] for query in range(9)] if excluded else None}
    both = cm.scan(queries, documents, None, languages, k, per_language=per_language, pool_k=pool_k, **options)
    long = cm.scan(queries, documents, None, languages, pool_k, **options).top
    short = cm.scan(queries, documents, None, languages, k, per_language=per_language, **options).top
    for found, wanted in ((both.pooled, long), (both.top, short)):
        assert (found is None) == (wanted is None)
        if found is not None and wanted is not None:
            assert found.languages == wanted.languages
            for name in ("ids", "scores", "places"):
                assert_array_equal(getattr(found, name), getattr(wanted, name))


def test_long_lists_are_made_for_some_queries_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, documents = embeddings(1, 30, 4, False), embeddings(2, 50, 4, False)
    options: dict[str, Any] = {"languages": ["en", "de"] * 25, "k": 2, "per_language": True, "pool_k": 20}
    wanted = cm.scan(queries, documents, [[0]] * 30, **options)
    passes: list[int] = []
    plain = scan_piece

    def counted(task: Any, *arguments: Any) -> Any:
        passes.append(len(task.queries))
        return plain(task, *arguments)

    monkeypatch.setattr(pool, "scan_piece", counted)
    monkeypatch.setattr(pool, "_LIST_MEMORY", 7 * 64 * 20 * 2)
    found = cm.scan(queries, documents, [[0]] * 30, **options)
    assert passes == [7, 7, 7, 7, 2]
    assert found.pooled is not None
    assert wanted.pooled is not None
    assert_array_equal(found.pooled.ids, wanted.pooled.ids)
    assert found.ranks is not None
    assert wanted.ranks is not None
    assert_array_equal(found.ranks.greater, wanted.ranks.greater)
    with pytest.raises(UsageError, match="pool_k is -1, but cannot be negative"):
        cm.scan(queries, documents, pool_k=-1)


@given(st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=9), min_size=1, max_size=3))
def test_sizes_of_the_pool_are_those_of_its_languages(shards: list[list[int]]) -> None:
    codes = np.concatenate(shards)
    documents = [np.ones((len(shard), 2), dtype=np.float32) for shard in shards]
    ranks = cm.rank_relevant([[1.0, 1.0]], documents, [[0]], codes)
    assert ranks.pool_sizes is not None
    assert ranks.pool_sizes.tolist() == np.bincount(codes).tolist()


@pytest.mark.parametrize("ties", ["index", "trec"])
@pytest.mark.parametrize(("queries", "precision"), [(3, None), (90, "float32"), (90, "int16-certified")])
def test_a_pass_over_the_only_shard_scores_the_relevant_documents(
    monkeypatch: pytest.MonkeyPatch, queries: int, precision: Any, ties: Any
) -> None:
    rng = np.random.default_rng(5)
    rows = rng.standard_normal((queries, 24)).astype(np.float32)
    documents = rng.standard_normal((70, 24)).astype(np.float32)
    documents[40] = documents[7]
    relevant = [[row % 70, (row + 33) % 70] for row in range(queries)]
    languages = ["en", "de"] * 35
    options: dict[str, Any] = {"k": 5, "precision": precision, "ties": ties, "threads": 2}
    shards = cm.scan(rows, [documents[:31], documents[31:]], relevant, languages, **options)
    monkeypatch.delattr(_core, "score_pairs")  # it would make the queries ready once more
    whole = cm.scan(rows, documents, relevant, languages, **options)
    for name in ("scores", "greater", "equal", "before"):
        assert_array_equal(getattr(whole.ranks, name), getattr(shards.ranks, name))
    assert whole.top is not None
    assert shards.top is not None
    assert_array_equal(whole.top.ids, shards.top.ids)


def test_targets_have_either_scores_or_rows() -> None:
    indptr, scores, places = np.array([0, 1]), np.ones(1, np.float32), np.zeros(1, np.uint32)
    for arguments in ((None, places), (scores, places, places)):
        with pytest.raises(ValueError, match="scores or rows, one of the two"):
            _core.Targets(indptr, *arguments)
