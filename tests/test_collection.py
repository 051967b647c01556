"""Collections: what goes in comes out, what does not fit is refused, `restrict` keeps what belongs together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.brute_force import collection_of, random_collection

from clinometer import Collection, CollectionBuilder
from clinometer.collection.columns import equal_rows, first_rows
from clinometer.errors import CollectionError, LanguageError


@pytest.fixture
def builder() -> CollectionBuilder:
    builder = CollectionBuilder("tiny")
    builder.add_document("d-en", "A cat sleeps.", "eng_Latn", group="cat")
    builder.add_document("d-de", "Eine Katze schläft.", "de", group="cat")
    builder.add_document("d-dog", "A dog barks.", "en", group="dog")
    builder.add_query("q-en", "Who sleeps?", "EN", group="who")
    builder.add_query("q-de", "Wer schläft?", "deu_Latn", group="who")
    builder.judge("q-de", "d-de", 2)
    builder.judge("q-de", "d-en")
    builder.judge("q-en", "d-dog", 0)
    builder.judge("q-en", "d-en", 3)
    return builder


@pytest.fixture
def tiny(builder: CollectionBuilder) -> Collection:
    return builder.build()


def judgements(collection: Collection) -> dict[str, dict[str, int]]:
    found = {}
    for query, name in enumerate(collection.queries.ids):
        span = slice(collection.indptr[query], collection.indptr[query + 1])
        rows = zip(collection.judged[span].tolist(), collection.grades[span].tolist(), strict=True)
        found[name] = {collection.documents.ids[row]: grade for row, grade in rows}
    return found


def test_columns_keep_the_order_and_the_canonical_labels(tiny: Collection) -> None:
    assert tiny.documents.ids == ("d-en", "d-de", "d-dog")
    assert tiny.documents.languages == ("en", "de", "en")
    assert tiny.documents.groups == ("cat", "cat", "dog")
    assert tiny.queries.languages == ("en", "de")
    assert tiny.languages == ("en", "de")
    assert (tiny.indptr.tolist(), tiny.judged.tolist(), tiny.grades.tolist()) == ([0, 2, 4], [0, 2, 0, 1], [3, 0, 1, 2])


def test_relevant_is_grade_1_and_above(tiny: Collection) -> None:
    indptr, rows = tiny.relevant()
    assert (indptr.tolist(), rows.tolist()) == ([0, 1, 3], [0, 0, 1])


def test_a_later_judgement_replaces_the_former(builder: CollectionBuilder) -> None:
    builder.judge("q-de", "d-de", 1)
    assert judgements(builder.build())["q-de"] == {"d-en": 1, "d-de": 1}


def test_restrict_keeps_texts_and_the_judgements_between_them(tiny: Collection) -> None:
    german = tiny.restrict(["deu_Latn"])
    assert (german.documents.ids, german.queries.ids) == (("d-de",), ("q-de",))
    assert judgements(german) == {"q-de": {"d-de": 2}}
    assert judgements(tiny.restrict(["en"])) == {"q-en": {"d-en": 3, "d-dog": 0}}
    assert tiny.restrict(None) is tiny
    assert tiny.restrict(["de", "en"]).documents == tiny.documents
    with pytest.raises(LanguageError, match="collection 'tiny' has no fr; it has en, de"):
        tiny.restrict(["en", "fr"])


@settings(max_examples=40)
@given(seed=st.integers(0, 1 << 20), kept=st.sets(st.sampled_from(["en", "de", "zh"]), min_size=1))
def test_restricting_is_choosing_rows(seed: int, kept: set[str]) -> None:
    collection = random_collection(seed)
    found = collection.restrict(sorted(kept))
    assert set(found.documents.languages) | set(found.queries.languages) <= kept
    languages = dict(zip(collection.documents.ids, collection.documents.languages, strict=True))
    asked = dict(zip(collection.queries.ids, collection.queries.languages, strict=True))
    assert judgements(found) == {
        query: {name: grade for name, grade in graded.items() if languages[name] in kept}
        for query, graded in judgements(collection).items()
        if asked[query] in kept
    }


def test_twins_are_other_documents_with_the_same_language_and_text() -> None:
    texts = [("a", "x", "en"), ("b", "y", "en"), ("c", "x", "de"), ("d", "x", "en"), ("e", "x", "en")]
    collection = collection_of(texts, [("q", "en")], {("q", "a"): 1})
    assert [rows.tolist() for rows in collection.twins()] == [[3, 4], [], [], [0, 4], [0, 3]]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["en", "de"])), min_size=1, max_size=30))
def test_twins_are_those_of_a_comparison_of_all_pairs(rows: list[tuple[str, str]]) -> None:
    documents = [(f"d{number}", text, language) for number, (text, language) in enumerate(rows)]
    collection = collection_of(documents, [("q", "en")], {("q", "d0"): 1})
    twins = collection.twins()
    expected = [
        [other for other, two in enumerate(rows) if two == one and other != row] for row, one in enumerate(rows)
    ]
    assert [others.tolist() for others in twins] == [others.tolist() for others in twins[:]] == expected
    assert twins[-1].tolist() == expected[-1]
    groups = [twins.group(row) for row in range(len(rows))]
    assert all((group < 0) == (not others) for group, others in zip(groups, expected, strict=True))
    assert all(groups[row] == groups[other] for row, others in enumerate(expected) for other in others)


def test_texts_with_the_same_hash_are_not_taken_for_equal() -> None:
    class SameHash(tuple[str, ...]):
        digests = np.zeros(5, dtype=np.int64)

    texts = SameHash(("a", "b", "a", "c", "b"))
    assert [column.tolist() for column in equal_rows(texts)] == [[0, 1, 2, 4], [0, 1, 0, 1]]
    assert first_rows(texts).tolist() == [0, 1, 0, 3, 1]


def test_very_many_equal_documents_are_held_once_each() -> None:
    count = 30_000
    documents = [(f"d{number}", "same", "en") for number in range(count)]
    twins = collection_of(documents, [("q", "en")], {("q", "d0"): 1}).twins()
    assert len(twins[count - 1]) == count - 1
    held = sum(column.nbytes for column in vars(twins).values())
    assert held < 64 * count


def test_the_digest_sees_everything_that_can_change_a_result(tiny: Collection) -> None:
    documents = [("a", "x", "en"), ("b", "y", "en")]
    base = collection_of(documents, [("q", "en")], {("q", "a"): 1})
    assert base.digest() == collection_of(documents, [("q", "en")], {("q", "a"): 1}).digest()
    others = [
        collection_of([("a", "x", "en"), ("b", "z", "en")], [("q", "en")], {("q", "a"): 1}),
        collection_of([("a", "x", "en"), ("b", "y", "de")], [("q", "en")], {("q", "a"): 1}),
        collection_of(documents[::-1], [("q", "en")], {("q", "a"): 1}),
        collection_of(documents, [("q", "de")], {("q", "a"): 1}),
        collection_of(documents, [("q", "en")], {("q", "b"): 1}),
        collection_of(documents, [("q", "en")], {("q", "a"): 2}),
        tiny,
    ]
    assert len({collection.digest() for collection in [base, *others]}) == 1 + len(others)


def test_the_texts_are_hashed_once(tiny: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = tiny.digest()
    monkeypatch.setattr("hashlib.sha256", None)
    assert tiny.digest() == digest


def test_description_and_summary(builder: CollectionBuilder) -> None:
    builder.notes = {"unit": "passage", "duplicates_removed": {"en": 2, "de": 0}, "left_out": {}}
    tiny = builder.build()
    facts = tiny.describe()
    assert facts == {
        "name": "tiny", "languages": ["en", "de"], "documents": {"en": 2, "de": 1}, "queries": {"en": 1, "de": 1},
        "judgements": 4, "parallel_groups": 2, "complete_groups": 1, "digest": tiny.digest(), "notes": tiny.notes,
    }  # fmt: skip
    assert tiny.summary().splitlines() == [
        "tiny: 3 documents, 2 queries, 4 judgements, 2 languages",
        "documents/queries by language: en 2/1, de 1/1",
        "parallel groups: 2, of which 1 in every language",
        "unit: passage",
        "duplicates removed: en 2, de 0",
        "left out: none",
        "labels merged: en eng_Latn 1 and en 1 and EN 1, de de 1 and deu_Latn 1",
    ]


def test_repr_counts_and_shows_no_text(builder: CollectionBuilder) -> None:
    assert repr(builder.build()).splitlines() == [
        "Collection 'tiny': 3 documents, 2 queries, 4 judgements",
        "  documents/queries by language: en 2/1, de 1/1",
    ]


def test_html_of_a_notebook_is_a_table_with_escaped_names() -> None:
    builder = CollectionBuilder("<b>&")
    builder.add_document("d", "A cat sleeps.", "en")
    builder.add_query("q", "Wer schläft?", "de")
    assert builder.build()._repr_html_() == (
        "<table><caption>&#x27;&lt;b&gt;&amp;&#x27;: 1 documents, 1 queries, 0 judgements</caption>"
        "<tr><th>Language</th><th>Documents</th><th>Queries</th></tr>"
        "<tr><td>en</td><td>1</td><td>0</td></tr><tr><td>de</td><td>0</td><td>1</td></tr></table>"
    )


def test_repr_of_many_languages_stays_short() -> None:
    labels = [f"q{first}{second}" for first in "abcdefghij" for second in "abcde"]
    collection = collection_of([(label, label, label) for label in labels], [("q", "qaa")], {("q", "qaa"): 1})
    assert repr(collection).splitlines()[1].endswith("qcb 1/0, ... (38 more)")
    assert len(repr(collection)) < 300
    assert "qcb" in collection._repr_html_()
    assert "qcc" not in collection._repr_html_()
    assert "<td>... (38 more)</td>" in collection._repr_html_()


def test_ids_are_unique_strings_with_texts(builder: CollectionBuilder) -> None:
    with pytest.raises(CollectionError, match=r"^duplicate document id 'd-en'; ids must be unique$"):
        builder.add_document("d-en", "Again.", "en")
    with pytest.raises(CollectionError, match=r"^corpus\.jsonl:7: duplicate query id 'q-en'"):
        builder.add_query("q-en", "Again?", "en", where="corpus.jsonl:7")
    number: Any = 17
    with pytest.raises(CollectionError, match="document id 17 is int, but ids are strings; quote it in the file"):
        builder.add_document(number, "Seventeen.", "en")
    with pytest.raises(CollectionError, match=r"^f:3: document 'blank' has no text; remove it or fill it in$"):
        builder.add_document("blank", " \n", "en", where="f:3")
    with pytest.raises(LanguageError, match="'English!' is not a language label"):
        builder.add_document("x", "X", "English!")
    # A document and a query may share an id, and nothing that was refused is in the collection.
    builder.add_query("d-en", "Which?", "en")
    built = builder.build()
    assert (len(built.documents), len(built.queries)) == (3, 3)


def test_judgements_of_absent_texts_are_refused(builder: CollectionBuilder) -> None:
    builder.judge("q-en", "gone")
    with pytest.raises(
        CollectionError,
        match=r"name 1 documents that are not in the collection \('gone'\); remove the judgements or add",
    ):
        builder.build()


def test_many_absent_texts_are_counted_and_the_first_are_named(builder: CollectionBuilder) -> None:
    for number in range(1200):
        builder.judge("nobody", f"gone{number:04d}")
        builder.judge(f"q{number:04d}", "d-en")
    with pytest.raises(
        CollectionError, match=r"1,201 queries .* \('nobody', 'q0000', 'q0001', 'q0002', 'q0003', \.\.\.\)"
    ):
        builder.build()


def test_numbers_for_strings_get_a_mend_of_their_own(builder: CollectionBuilder) -> None:
    builder.add_document("42", "Forty-two.", "en")
    number: Any = 42
    builder.judge("q-en", number)
    with pytest.raises(
        CollectionError,
        match=r"\(42\); the judgements have numbers where the texts have strings: write both as strings",
    ):
        builder.build()


@pytest.mark.parametrize("kind", ["documents", "queries"])
def test_an_empty_collection_is_refused(kind: str) -> None:
    builder = CollectionBuilder("empty")
    if kind == "queries":
        builder.add_document("d", "D", "en")
    with pytest.raises(CollectionError, match=f"empty has no {kind}"):
        builder.build()


def test_rows_of_languages(tiny: Collection) -> None:
    assert tiny.documents.rows_in(["en"]).tolist() == [0, 2]
    assert tiny.documents.rows_in(["fr"]).dtype == np.int64
    assert tiny.documents.take([2, 0]).ids == ("d-dog", "d-en")
    assert len(tiny.documents) == 3


@pytest.mark.parametrize("grade", [0.5, 1.9, float("nan"), float("inf"), "1", None, 1 << 31, np.float32(0.5)])
def test_a_grade_that_is_not_a_whole_number_is_refused(builder: CollectionBuilder, grade: Any) -> None:
    with pytest.raises(CollectionError, match=r"the grade of document 'd-en' for query 'q-de' is .* whole numbers"):
        builder.judge("q-de", "d-en", grade)


@pytest.mark.parametrize("grade", [2, 2.0, np.int64(2), np.float32(2)])
def test_a_whole_grade_may_be_of_any_type(builder: CollectionBuilder, grade: Any) -> None:
    builder.judge("q-de", "d-en", grade)
    assert judgements(builder.build())["q-de"] == {"d-de": 2, "d-en": 2}
