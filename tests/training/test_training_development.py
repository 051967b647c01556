"""The development collection: what training does not see, in every language, with its judgements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clinometer.errors import ClinometerWarning, LanguageError, UsageError
from clinometer.training.data import ParallelItem, samples_from_items
from clinometer.training.development import development_collection
from clinometer.training.split import split_items


def item(number: int, languages: tuple[str, ...] = ("en", "de", "zh"), ask: str = "ask") -> ParallelItem:
    texts: dict[str, tuple[str | None, str]] = {
        label: (f"{label} {ask} {number}", f"{label} the long answer {number} in {label * 3}{number}")
        for label in languages
    }
    return ParallelItem(f"p{number // 3}#{number}", texts)


def many(count: int = 90) -> list[ParallelItem]:
    return [item(number) for number in range(count)]


OPTIONS: dict[str, Any] = {"dev_share": 0.3, "split_seed": 5}


def test_it_is_exactly_the_side_that_training_leaves() -> None:
    found = development_collection(many(), ["de", "zh"], **OPTIONS)
    trained, kept = (
        samples_from_items(many(), ["de", "zh"], None, split=split, **OPTIONS) for split in ("train", "dev")
    )
    assert set(found.documents.groups) == set(kept.ids)
    assert not set(found.documents.groups) & set(trained.ids)
    pages = {str(group).partition("#")[0] for group in found.documents.groups}
    assert not pages & {name.partition("#")[0] for name in trained.ids}
    assert len(found.documents) == len(found.queries) == 3 * len(set(kept.ids))
    other = development_collection(many(), ["de", "zh"], dev_share=0.3, split_seed=6)
    assert set(other.documents.groups) != set(found.documents.groups)


def test_documents_queries_and_judgements_by_hand() -> None:
    items = [item(0), item(1, ("en", "de")), item(2, ("en",))]
    # A passage without a query in German.
    items[0] = ParallelItem(items[0].id, {**items[0].texts, "de": (None, items[0].texts["de"][1])})
    found = development_collection(items, ["zh", "de"], split="all")
    assert found.documents.ids == ("en:p0#0", "zh:p0#0", "de:p0#0", "en:p0#1", "de:p0#1")
    assert found.documents.groups == ("p0#0",) * 3 + ("p0#1",) * 2
    assert found.queries.ids == ("en:p0#0", "zh:p0#0", "en:p0#1", "de:p0#1")
    assert found.queries.texts[1] == "zh ask 0"
    assert found.documents.texts[2] == items[0].texts["de"][1]
    spans = [found.judged[found.indptr[q] : found.indptr[q + 1]].tolist() for q in range(4)]
    assert spans == [[0, 1, 2], [0, 1, 2], [3, 4], [3, 4]]
    assert set(found.grades.tolist()) == {1}
    assert found.notes["without_target"] == 1
    assert found.notes["items"] == 2


def test_languages_are_the_pivot_and_the_targets() -> None:
    assert development_collection(many(), "deu_Latn", split="all").languages == ("en", "de")
    assert development_collection(many(), ["de", "en"], split="all").languages == ("en", "de")
    assert development_collection(many(), ["de"], split="all", pivot="zh").languages == ("zh", "de")
    assert development_collection(many(3), ["en"], split="all").languages == ("en",)


def test_a_query_is_asked_once() -> None:
    twice = ParallelItem("q#9", {**item(9).texts, "de": ("DE  ask 4", item(9).texts["de"][1])})
    found = development_collection([*many(6), twice], ["de"], split="all")
    assert "q#9" not in found.documents.groups
    assert found.notes["shared_queries_left_out"] == 1


def test_fewer_are_a_part_of_more() -> None:
    few, more = (development_collection(many(), ["de"], split="all", samples=count, seed=2) for count in (5, 9))
    assert len(set(few.documents.groups)) == 5
    assert set(few.documents.groups) < set(more.documents.groups)
    assert len(few.documents) == 10
    assert set(few.documents.groups) != set(
        development_collection(many(), ["de"], split="all", samples=5, seed=3).documents.groups
    )


def test_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [
        {"id": one.id, "texts": {label: {"query": q, "document": d} for label, (q, d) in one.texts.items()}}
        for one in many()
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    found = development_collection(path, ["de"], **OPTIONS)
    assert found.digest() == development_collection(many(), ["de"], **OPTIONS).digest()
    assert found.digest() == development_collection([str(path)], ["de"], **OPTIONS).digest()
    with pytest.warns(ClinometerWarning, match="90 rows repeat other rows of the files and are left out"):
        twice = development_collection([path, path], ["de"], **OPTIONS)
    assert twice.digest() == found.digest()
    with pytest.raises(UsageError, match="items and files are mixed"):
        development_collection([path, many()[0]], ["de"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"samples": 0}, UsageError, "samples is 0, but must be 1 or more"),
        ({"split": "test"}, UsageError, "unknown split 'test'"),
        ({"languages": ["fr"]}, LanguageError, "the parallel data has no fr; it has en, de, zh"),
        ({"pivot": "fr"}, LanguageError, "the parallel data has no fr"),
        ({"dev_share": 0}, UsageError, r"no item in en, de is left in the split 'dev' of 90 items; give more items or"),
    ],
)
def test_what_cannot_be_used(options: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        development_collection(many(), **{"languages": ["de"], **options})


def test_a_language_that_is_not_left_is_named() -> None:
    items = [*many(), item(300, ("en", "el"))]
    side = "train" if split_items(items[-1:], ["el"], "dev", **OPTIONS)[0] else "dev"
    with pytest.raises(LanguageError, match="items of 'development' is in el; give more items, or leave"):
        development_collection(items, ["de", "el"], split=side, **OPTIONS)  # type: ignore[arg-type]


@pytest.mark.shared
def test_the_real_training_data(real_items: list[ParallelItem]) -> None:
    found = development_collection(real_items, ["de", "zh"])
    trained = samples_from_items(real_items, ["de", "zh"], None)
    assert found.languages == ("en", "de", "zh")
    assert len(set(found.documents.groups)) > 200
    assert not set(found.documents.groups) & set(trained.ids)
    assert not set(found.queries.texts) & {row[0] for row in trained.rows}
