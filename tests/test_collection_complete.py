"""Only what is there in every language: groups, answers, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

import clinometer as cm
from clinometer import Collection, CollectionBuilder
from clinometer.errors import CollectionError
from clinometer.io.parallel import read_parallel


def made(*items: tuple[str, str], judged: bool = True) -> CollectionBuilder:
    """A document and a query for each (group, language); documents of a group answer its queries."""
    builder = CollectionBuilder("made")
    for group, language in items:
        builder.add_document(f"{language}:{group}", f"{group} in {language}", language, group)
        builder.add_query(f"q:{language}:{group}", f"{group} in {language}?", language, group)
    for group, asked in items:
        for other, language in items:
            if judged and group == other:
                builder.judge(f"q:{asked}:{group}", f"{language}:{other}")
    return builder


HALF = (("cat", "en"), ("cat", "de"), ("cat", "fr"), ("dog", "en"), ("dog", "de"), ("cow", "fr"))


def test_groups_that_lack_a_language_are_left_out_and_counted() -> None:
    collection = made(*HALF).build().complete()
    assert collection.documents.ids == ("en:cat", "de:cat", "fr:cat")
    assert collection.queries.ids == ("q:en:cat", "q:de:cat", "q:fr:cat")
    assert collection.judged.tolist() == [0, 1, 2] * 3
    assert collection.notes == {
        "incomplete_documents": {"en": 1, "de": 1, "fr": 1},
        "incomplete_queries": {"en": 1, "de": 1, "fr": 1},
    }
    assert "incomplete documents: en 1, de 1, fr 1" in collection.summary()


def test_what_is_complete_depends_on_the_languages() -> None:
    collection = made(*HALF).build().restrict(["en", "de"]).complete()
    assert collection.documents.ids == ("en:cat", "de:cat", "en:dog", "de:dog")
    assert collection.notes == {"incomplete_documents": {}, "incomplete_queries": {}}


def test_texts_of_no_group_stay_unless_a_query_lacks_an_answer() -> None:
    builder = made(*HALF)
    builder.add_document("filler", "something else", "de")
    builder.add_query("q:half", "and this?", "de")
    builder.judge("q:half", "de:cat")
    builder.add_query("q:whole", "and that?", "de")
    for language in ("en", "de", "fr"):
        builder.judge("q:whole", f"{language}:cat")
    collection = builder.build().complete()
    assert collection.documents.ids == ("en:cat", "de:cat", "fr:cat", "filler")
    assert collection.queries.ids == ("q:en:cat", "q:de:cat", "q:fr:cat", "q:whole")


def test_an_answer_that_stands_for_its_duplicate_stays() -> None:
    """Readers keep one of two documents with the same text; the group of the other then has a gap."""
    builder = made(("cat", "en"), ("cat", "de"))
    builder.add_document("de:dog", "dog in de", "de", "dog")
    for language in ("en", "de"):
        builder.add_query(f"q:{language}:dog", f"dog in {language}?", language, "dog")
        builder.judge(f"q:{language}:dog", "en:cat")
        builder.judge(f"q:{language}:dog", "de:dog")
    collection = builder.build().complete()
    assert "de:dog" in collection.documents.ids
    assert len(collection.queries) == 4


def test_irrelevant_judgements_make_nothing_complete() -> None:
    builder = made(("cat", "en"), ("cat", "de"))
    builder.add_query("q", "cat?", "en")
    builder.judge("q", "en:cat", 1)
    builder.judge("q", "de:cat", 0)
    assert "q" not in builder.build().complete().queries.ids


def test_a_question_must_be_asked_in_every_language() -> None:
    builder = made(("cat", "en"), ("cat", "de"))
    builder.add_query("only", "who?", "en", "who")
    for language in ("en", "de"):
        builder.judge("only", f"{language}:cat")
    assert builder.build().complete().queries.ids == ("q:en:cat", "q:de:cat")


def test_nothing_complete_is_refused() -> None:
    with pytest.raises(
        CollectionError, match=r"no query of 'made' has a relevant document in every language \(en, de\); choose"
    ):
        made(("cat", "en"), ("dog", "de")).build().complete()
    with pytest.raises(CollectionError, match="no query of 'made' has a relevant document in every language"):
        made(("cat", "en"), ("cat", "de"), judged=False).build().complete()


def test_a_complete_collection_stays_as_it_is() -> None:
    before = cm.load("demo", languages=["en", "de", "zh"])
    after = before.complete()
    assert after.digest() == before.digest()
    assert after.complete().digest() == before.digest()


@pytest.mark.shared
def test_french_of_tico19_lacks_52_passages(shared: Path) -> None:
    collection: Collection = read_parallel(shared / "data" / "tico19" / "tico19_retrieval.jsonl.gz").complete()
    facts = collection.describe()
    assert set(facts["documents"].values()) == set(facts["queries"].values()) == {447}
    assert facts["complete_groups"] == facts["parallel_groups"] == 447
    left_out = collection.notes["incomplete_documents"]
    assert left_out == {label: 52 for label in facts["languages"] if label != "fr"}
