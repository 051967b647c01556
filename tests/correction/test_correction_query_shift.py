"""SHIFT as its authors run it: the folded rows against an index moved for each query language, and evaluations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import clinometer as cm
from clinometer.correction import CorrectedEncoder, QueryShift, load
from clinometer.correction.fitting import Sample, SampledTexts, encode_sample, fit_sample, summary
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import EmbeddingError, LanguageError, UsageError

LANGUAGES = ["de", "en", "zh"] * 12
GROUPS = [f"g{row // 3}" for row in range(36)]
Rows = NDArray[np.float64]


def rows(seed: int, count: int = 36, dimension: int = 8) -> Rows:
    """Rows of different lengths, around a mean for each language."""
    rng = np.random.default_rng(seed)
    means = np.random.default_rng(7).normal(size=(3, dimension))
    lengths = rng.uniform(0.5, 2.0, size=(count, 1))
    return lengths * (rng.normal(size=(count, dimension)) + means[np.arange(count) % 3])


def as_published(documents: Rows, languages: list[str], sample: Rows, source: str, strength: float) -> Rows:
    """Unit rows of an index moved for queries in one language, from parallel rows as they come."""
    labels = np.array(LANGUAGES)
    moved = documents.copy()
    for label in {*languages} - {source}:
        difference = (sample[labels == label] - sample[labels == source]).mean(axis=0)
        moved[np.array(languages) == label] -= strength * difference
    unit: Rows = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return unit


@settings(max_examples=40)
@given(seed=st.integers(0, 999), strength=st.sampled_from([0.0, 0.3, 1.0]), sources=st.sampled_from(["zh", "de en zh"]))
def test_every_query_gets_the_cosines_of_the_index_moved_for_it(seed: int, strength: float, sources: str) -> None:
    sample, documents, queries = rows(seed), rows(seed + 1), rows(seed + 2)
    chosen = sources.split()
    shift = QueryShift.fit(sample, LANGUAGES, GROUPS, strength=strength, sources=chosen)
    found = shift.apply(documents, LANGUAGES).astype(np.float64)
    assert found.shape == (36, 8 * len(chosen))
    for source in chosen:
        mine = queries[np.array(LANGUAGES) == source]
        scores = shift.apply_queries(mine, [source] * len(mine)) @ found.T * len(chosen) ** 0.5
        plain = mine / np.linalg.norm(mine, axis=1, keepdims=True)
        wanted = plain @ as_published(documents, LANGUAGES, sample, source, strength).T
        np.testing.assert_allclose(scores, wanted, atol=1e-6)
        # Within the query's language nothing changes.
        own = np.array(LANGUAGES) == source
        unit = documents[own] / np.linalg.norm(documents[own], axis=1, keepdims=True)
        np.testing.assert_allclose(scores[:, own], plain @ unit.T, atol=1e-6)


def test_lengths_count_and_pairs_are_those_that_both_languages_have() -> None:
    sample = [[2.0, 0.0], [1.0, 1.0], [4.0, 0.0], [0.0, 3.0]]
    shift = QueryShift.fit(sample, ["en", "de", "en", "de"], ["a", "a", "b", "c"], sources=["en"])
    assert shift.arrays["offsets"][0].tolist() == [[-1.0, 1.0], [0.0, 0.0], [-0.5, 0.5]]  # de, en, mean
    assert shift.settings["pairs_fitted"] == {"en": {"de": 1}}
    # (2, 2) + (1, -1), and half of that difference.
    np.testing.assert_allclose(shift.apply([[2.0, 2.0]], ["de"])[0], np.array([3, 1]) / 10**0.5, rtol=1e-6)
    half = shift.with_strength(0.5).apply([[2.0, 2.0]], ["de"])[0]
    np.testing.assert_allclose(half, np.array([2.5, 1.5]) / 8.5**0.5, rtol=1e-6)
    with pytest.raises(UsageError, match="strength is -1"):
        shift.with_strength(-1)


def test_two_languages_that_share_nothing_are_compared_through_a_third() -> None:
    # de and zh share no group, but both share some with en (zh more than with th, which shares none with de).
    languages = ["de", "en", "de", "en", "zh", "en", "zh", "th"]
    groups = ["a", "a", "b", "b", "c", "c", "d", "d"]
    sample = rows(5, 8)
    shift = QueryShift.fit(sample, languages, groups, sources=["zh"])
    wanted = (sample[0] - sample[1] + sample[2] - sample[3]) / 2 - (sample[4] - sample[5])
    np.testing.assert_allclose(shift.arrays["offsets"][0][0], wanted)
    assert shift.settings["pairs_fitted"] == {"zh": {"de": 1, "en": 1, "th": 1}}
    assert shift.settings["through"] == {"zh": {"de": "en"}}
    vectors = SampledTexts(sample, languages, groups)
    warnings = summary(shift, Sample(vectors, None, "none", {}))[1]
    assert (
        warnings[-1] == "1 pairs of languages share no translations and are compared through a third: de-zh through en"
    )
    # Where all groups have all languages the way does not matter.
    full = QueryShift.fit(rows(6), LANGUAGES, GROUPS)
    assert full.settings["through"] == {}
    offsets = full.arrays["offsets"]
    np.testing.assert_allclose(offsets[0, 2], offsets[1, 2] - offsets[1, 0], atol=1e-12)


def test_documents_and_queries_of_unknown_language() -> None:
    sample, documents, queries = rows(1), rows(2)[:3], rows(3)[:3]
    shift = QueryShift.fit(sample, LANGUAGES, GROUPS)
    blocks = shift.apply(documents, LANGUAGES[:3]).reshape(3, 3, 8)
    scores = shift.apply_queries(queries) @ blocks.reshape(3, 24).T
    each = [shift.apply_queries(queries, [label] * 3) @ blocks.reshape(3, 24).T for label in ("de", "en", "zh")]
    np.testing.assert_allclose(scores * 3**0.5, np.sum(each, axis=0), atol=1e-6)
    with pytest.warns(UserWarning, match="left uncorrected: fr"):
        left = shift.apply(documents[:1], ["fr"], unknown="leave").reshape(3, 8) * 3**0.5
    np.testing.assert_allclose(left, np.tile(documents[0] / np.linalg.norm(documents[0]), (3, 1)), atol=1e-6)
    assert shift.apply_queries(queries, LANGUAGES[:3], unknown="leave").shape == (3, 24)


def test_a_row_of_which_nothing_is_left_in_one_block_is_refused() -> None:
    shift = QueryShift.fit([[2.0, 0.0], [1.0, 0.0]], ["de", "en"], ["a", "a"])
    with pytest.raises(EmbeddingError, match=r"nothing is left of 1 rows after the correction"):
        shift.apply([[1.0, 0.0]], ["de"])


@pytest.mark.parametrize(
    ("languages", "groups", "sources", "error", "text"),
    [
        (
            ["en", "de"],
            ["a", "b"],
            None,
            UsageError,
            r"no text in en is a translation of one in de .*, nor",
        ),
        (["en", "de"], [None, None], None, UsageError, "no document has a parallel group; give translated texts"),
        (["en", "en"], ["a", "a"], None, UsageError, "row 1: the group 'a' already has a text in en, at row 0"),
        (["en", "de"], ["a", "a"], ["fr"], LanguageError, "no text in fr with a parallel group, only in de, en; give"),
        (["en", "de"], ["a", "a"], [], UsageError, "sources is empty; give the languages of queries"),
        (["en"], ["a"], None, UsageError, "1 languages for 2 documents"),
    ],
)
def test_samples_that_do_not_fit(languages: Any, groups: Any, sources: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        QueryShift.fit(np.eye(2), languages, groups, sources=sources)


def tiny() -> cm.Collection:
    builder = cm.CollectionBuilder("tiny")
    for number in range(12):
        for label in ("de", "en", "zh"):
            builder.add_document(f"{label}-{number}", f"Document {number}, {label}.", label, f"g{number}")
            builder.add_query(f"{label}?{number}", f"Question {number}, {label}?", label, f"q{number}")
        for label in ("de", "en", "zh"):
            for other in ("de", "en", "zh"):
                builder.judge(f"{label}?{number}", f"{other}-{number}")
    return builder.build()


def test_one_evaluation_has_the_ranks_of_an_index_for_each_query_language(tmp_path: Path) -> None:
    collection = tiny()
    documents, queries = rows(4).astype(np.float32), rows(5).astype(np.float32)
    encoder = PrecomputedEncoder(queries, documents)
    sample = encode_sample(collection, encoder, "query-shift", texts=None)
    correction = fit_sample("query-shift", sample, strength=0.7)
    assert correction.query_languages == ("de", "en", "zh")
    correction.save(tmp_path / "it.npz")
    folded = CorrectedEncoder(encoder, load(tmp_path / "it.npz"))
    options: dict[str, Any] = {"scenarios": ["multilingual"], "measures": ["MaxR", "TLR@3"], "resamples": 0}
    found = cm.evaluate(collection, folded, **options)
    assert found.encoder["remedies"][0]["method"] == "query-shift"
    for source in ("de", "en", "zh"):
        wide = documents.astype(np.float64)
        moved = as_published(wide, list(collection.documents.languages), wide, source, 0.7).astype(np.float32)
        alone = cm.evaluate(collection, PrecomputedEncoder(queries, moved), **options)
        for measure in ("MaxR", "TLR@3"):
            assert found.value(measure, "multilingual", source) == alone.value(measure, "multilingual", source)
