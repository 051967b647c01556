"""Training samples: column order, splits without leaks, nested samples, and everything left out counted."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinometer.errors import ClinometerWarning, FormatError, LanguageError, UsageError
from clinometer.training.checks import check_rows, untranslated
from clinometer.training.data import (
    LAYOUTS,
    ParallelItem,
    ParallelSamples,
    parallel_dataset,
    parallel_samples,
    prompts_for,
    read_items,
    samples_from_items,
)


def item(number: int, page: int | None = None, languages: tuple[str, ...] = ("en", "de")) -> ParallelItem:
    texts: dict[str, tuple[str | None, str]] = {
        label: (f"{label} ask {number}", f"{label} the long answer with number {number} in {label * 3}{number}")
        for label in languages
    }
    return ParallelItem(f"p{number if page is None else page}#{number}", texts)


def many(count: int = 60) -> list[ParallelItem]:
    return [item(number, number // 3, ("en", "de", "zh") if number % 2 else ("en", "de")) for number in range(count)]


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def raw(one: ParallelItem) -> dict[str, Any]:
    texts = {label: {"query": query, "document": text} for label, (query, text) in one.texts.items()}
    return {"id": one.id, "source": "x", "license": "y", "texts": texts}


@pytest.mark.parametrize(
    ("layout", "columns"),
    [
        ("alignment", ("query_en", "passage_en", "passage_tgt")),
        ("alignment+query", ("query_en", "passage_en", "passage_tgt", "query_tgt")),
        ("clear", ("query_en", "passage_en", "query_tgt")),
        ("pairs", ("query", "passage")),
        ("cross-pairs", ("query_en", "passage_tgt")),
    ],
)
def test_columns_stand_in_the_documented_order(layout: Any, columns: tuple[str, ...]) -> None:
    found = samples_from_items([item(7)], ["de"], dev_share=0, layout=layout)
    assert found.columns == columns
    expected = {
        "query_en": "en ask 7",
        "passage_en": item(7).texts["en"][1],
        "passage_tgt": item(7).texts["de"][1],
        "query_tgt": "de ask 7",
        "query": "de ask 7",
        "passage": item(7).texts["de"][1],
    }
    assert found.rows == (tuple(expected[name] for name in columns),)
    assert set(LAYOUTS) == {"alignment", "alignment+query", "clear", "pairs", "cross-pairs"}


def test_several_languages_share_the_group_of_their_item() -> None:
    found = samples_from_items(many(), ["de", "zh"], None, dev_share=0)
    assert Counter(found.languages) == {"de": 60, "zh": 30}
    group_of: dict[str, int] = {}
    for name, group in zip(found.ids, found.groups, strict=True):
        assert group_of.setdefault(name, group) == group
    assert len(set(group_of.values())) == len(group_of) == 60
    assert found.statistics["groups"] == 60
    assert found.statistics["pages"] == 20


def test_a_split_cuts_no_page_and_does_not_move() -> None:
    pages = {}
    for split in ("train", "dev"):
        found = samples_from_items(many(300), ["de"], None, split=split, dev_share=0.2)
        pages[split] = {name.partition("#")[0] for name in found.ids}
    assert not pages["train"] & pages["dev"]
    assert len(pages["train"] | pages["dev"]) == 100
    assert 8 <= len(pages["dev"]) <= 32
    other = samples_from_items([*many(300)[::-1], item(999, 999)], ["zh"], None, seed=1, split="dev", dev_share=0.2)
    assert {name.partition("#")[0] for name in other.ids} - {"p999"} <= pages["dev"]
    moved = samples_from_items(many(300), ["de"], None, split="dev", dev_share=0.2, split_seed=1)
    assert {name.partition("#")[0] for name in moved.ids} != pages["dev"]
    every = samples_from_items(many(300), ["de"], None, split="all", dev_share=0.2)
    assert len(every) == 300


def test_a_development_query_that_is_in_training_is_left_out() -> None:
    twins = many(300)
    for number in range(0, 300, 2):
        twins[number] = ParallelItem(
            twins[number].id, {**twins[number].texts, "en": ("Overview", twins[number].texts["en"][1])}
        )
    train = samples_from_items(twins, ["de"], None, dev_share=0.2)
    dev = samples_from_items(twins, ["de"], None, split="dev", dev_share=0.2)
    assert "Overview" in {row[0] for row in train.rows}
    assert not {row[0] for row in dev.rows} & {row[0] for row in train.rows}
    assert dev.statistics["dev_left_out_query_in_train"] > 0
    assert train.statistics["queries_shared_by_items"] == sum(row[0] == "Overview" for row in train.rows)


@settings(max_examples=25)
@given(st.integers(1, 60), st.integers(0, 5), st.randoms(use_true_random=False))
def test_fewer_samples_are_part_of_more_whatever_the_order_of_the_files(size: int, seed: int, order: Any) -> None:
    items = many()
    more = samples_from_items(items, ["de", "zh"], None, seed, dev_share=0)
    order.shuffle(items)
    fewer = samples_from_items(items, ["de", "zh"], size, seed, dev_share=0)
    places = [more.rows.index(row) for row in fewer.rows]
    assert places == sorted(places)
    assert Counter(fewer.languages)["de"] == size
    assert set(samples_from_items(items, ["de"], size, seed, dev_share=0).ids) <= set(fewer.ids)


def test_another_seed_is_another_choice() -> None:
    one, two = (samples_from_items(many(), ["de"], 10, seed, dev_share=0) for seed in (1, 2))
    assert set(one.ids) != set(two.ids)
    assert one == samples_from_items(many(), ["de"], 10, 1, dev_share=0)


def test_what_is_left_out_is_counted() -> None:
    good = item(0)
    faults = {
        "empty": ParallelItem("a#1", {**item(1).texts, "de": ("frage", "  ")}),
        "no query": ParallelItem("a#2", {**item(2).texts, "de": ("", "eine lange Antwort auf die Frage")}),
        "untranslated": ParallelItem(
            "a#3", {"en": item(3).texts["en"], "de": ("frage", item(3).texts["en"][1].upper())}
        ),
        "twice": ParallelItem(
            "a#4", {"en": ("again", f" {good.texts['en'][1]}"), "de": ("neu", "etwas ganz anderes hier")}
        ),
        "twice in de": ParallelItem("a#5", {"en": item(5).texts["en"], "de": ("neu", good.texts["de"][1])}),
        "no pivot": ParallelItem("a#6", {"de": item(6).texts["de"]}),
    }
    found = samples_from_items([good, *faults.values()], ["de"], 5, dev_share=0)
    assert found.ids == ("p0#0",)
    statistics = found.statistics
    assert statistics["items_read"] == 7
    assert statistics["without_pivot"] == 1
    assert statistics["empty"] == {"de": 2}
    assert statistics["untranslated"] == {"de": 1}
    assert statistics["duplicates"] == {"de": 1, "en": 1}
    assert statistics["warnings"] == ["de has 1 of 5 samples"]
    assert statistics["available"] == statistics["samples"] == {"de": 1}


def test_an_item_without_a_target_query_does_for_layouts_that_need_none() -> None:
    one = ParallelItem("a#1", {"en": item(1).texts["en"], "de": (None, item(1).texts["de"][1])})
    assert len(samples_from_items([one], ["de"], dev_share=0)) == 1
    with pytest.raises(UsageError, match="no samples are left for de in the split 'train'"):
        samples_from_items([one], ["de"], dev_share=0, layout="clear")


def test_fields_that_may_be_swapped_are_warned_about() -> None:
    """Short answers and titles are shorter than their questions too, so they cannot be refused."""
    swapped = [
        ParallelItem(one.id, {label: (text, query or "") for label, (query, text) in one.texts.items()})
        for one in many(9)
    ]
    sentence = r"query_en is longer than passage_en in 9 of 9 rows, first in row 0; if the two are swapped"
    with pytest.warns(ClinometerWarning, match=sentence):
        samples = samples_from_items(swapped, ["de"], dev_share=0)
    assert len(samples) == 9
    assert [re.match(sentence, warning) is not None for warning in samples.statistics["warnings"]].count(True) == 1


def test_a_row_that_repeats_another_is_left_out_and_counted(tmp_path: Path) -> None:
    row = json.dumps({"id": "a", "texts": {"en": {"query": "Who?", "document": "A cat."},
                                           "de": {"query": "Wer?", "document": "Eine Katze."}}})  # fmt: skip
    path = tmp_path / "items.jsonl"
    path.write_text(f"{row}\n{row}\n")
    with pytest.warns(ClinometerWarning, match="1 rows repeat other rows of the files and are left out"):
        assert len(read_items(path)) == 1
    samples = parallel_samples(path, ["de"], dev_share=0)
    assert (len(samples), samples.statistics["rows_repeated_left_out"]) == (1, 1)
    path.write_text(f"{row}\n{row.replace('Who', 'What')}\n")
    with pytest.raises(FormatError, match=r"items\.jsonl:2: duplicate id 'a', first at .*items\.jsonl:1;"):
        read_items(path)


def test_checks_of_rows() -> None:
    names = ("query_en", "passage_en", "passage_tgt")
    good = ("what", "a long answer", "долгий ответ")
    assert check_rows(names, [good] * 3) == []
    with pytest.raises(UsageError, match="passage_en is not in Latin letters in 2 of 3 rows, first in row 1; the lang"):
        check_rows(names, [good, ("what", good[2], good[1]), ("what", good[2], good[1])])
    assert check_rows(names, [good, ("a very long question", "short", "x"), good]) == [
        "query_en is longer than passage_en in 1 of 3 rows, first in row 1"
    ]
    with pytest.raises(UsageError, match="row 1 has an empty text in the column passage_tgt; leave the row out"):
        check_rows(names, [good, ("what", "a long answer", " ")])
    with pytest.raises(UsageError, match="row 0 has 2 texts for the 3 columns query_en, passage_en, passage_tgt"):
        check_rows(names, [("a", "b")])
    assert check_rows(("query_ru", "passage_ru"), [(good[2][:3], good[2])], pivot="ru") == []


def test_untranslated_by_words() -> None:
    original = "Open the Settings panel and click on the Accessibility item there."
    assert untranslated("open settings panel, click accessibility item", original)
    assert not untranslated("Öffnen Sie Settings und klicken Sie auf Accessibility.", original)
    assert not untranslated("GNU/Linux", "About GNU/Linux and others")  # a name is no untranslated passage


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"layout": "triplets"}, UsageError, "unknown layout 'triplets'; expected one of alignment, alignment"),
        ({"split": "test"}, UsageError, "unknown split 'test'; expected train, dev or all"),
        ({"dev_share": 1}, UsageError, "dev_share is 1, but must be 0 or more and less than 1"),
        ({"samples": 0}, UsageError, "samples is 0, but must be 1 or more"),
        ({"languages": ["fr"]}, LanguageError, "the parallel data has no fr; it has en, de, zh"),
        ({"languages": ["en"]}, UsageError, "en is the pivot and cannot be a target language;"),
        ({"pivot": "fr"}, LanguageError, "the parallel data has no fr"),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        samples_from_items(many(), **{"languages": ["de"], **options})


def test_files_are_read_with_line_numbers(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [raw(one) for one in many(4)])
    packed = tmp_path / "b.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps(raw(item(77))).encode()))
    assert [one.id for one in read_items([path, packed])] == [*(one.id for one in many(4)), "p77#77"]
    assert read_items(path) == many(4)
    assert len(parallel_samples(path, "deu_Latn", dev_share=0)) == 4
    with pytest.raises(FormatError, match=r"b.jsonl:2: duplicate id 'p0#0', first at .*b.jsonl:1"):
        read_items(write(tmp_path / "b.jsonl", [raw(item(0)), {**raw(item(0)), "source": "other"}]))
    with pytest.raises(FormatError, match=r"c.jsonl:1: the field 'document' is missing"):
        read_items(write(tmp_path / "c.jsonl", [{"id": "x", "texts": {"en": {"query": "a"}}}]))
    with pytest.raises(UsageError, match="no files were given"):
        read_items([])


def test_prompts_go_by_the_name_of_a_column() -> None:
    names = ["query_en", "passage_en", "negative_1", "query_tgt", "neg_query_1", "label"]
    assert list(prompts_for(names, "q: ", "p: ").values()) == ["q: ", "p: ", "p: ", "q: ", "q: "]
    with pytest.raises(UsageError, match="the column 'anchor' is neither a query nor a passage by its name"):
        prompts_for(["anchor"], "q", "p")


@pytest.mark.models
def test_the_dataset_has_the_columns_then_the_label(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    path = write(tmp_path / "a.jsonl", [raw(one) for one in many(6)])
    dataset = parallel_dataset([path], ["de", "zh"], dev_share=0, layout="alignment+query")
    assert dataset.column_names == ["query_en", "passage_en", "passage_tgt", "query_tgt", "label"]
    samples = parallel_samples([path], ["de", "zh"], dev_share=0, layout="alignment+query")
    assert dataset["label"][:] == list(samples.groups)
    assert tuple(dataset[2][name] for name in samples.columns) == samples.rows[2]
    assert json.loads(dataset.info.description) == samples.statistics
    counted = samples.to_dataset(["en", "zh", "de"])
    places = {"zh": 1, "de": 2}
    assert counted["label"][:] == [
        [group, places[own]] for group, own in zip(samples.groups, samples.languages, strict=True)
    ]
    assert set(samples.languages) == {"de", "zh"}
    with pytest.raises(UsageError, match="the samples are also in zh; add them to languages"):
        samples.to_dataset(["en", "de"])


@pytest.mark.shared
def test_the_real_training_data(real_items: list[ParallelItem]) -> None:
    train, dev = (samples_from_items(real_items, ["zh"], None, split=split) for split in ("train", "dev"))
    assert len(train) + len(dev) + dev.statistics["dev_left_out_query_in_train"] == 2554
    assert not {name.partition("#")[0] for name in train.ids} & {name.partition("#")[0] for name in dev.ids}
    assert train.statistics["untranslated"] == {}
    assert isinstance(train, ParallelSamples)
    joint = samples_from_items(real_items, ["de", "es", "ru", "zh", "ko", "el", "tr"])
    assert joint.statistics["samples"]["de"] == 2800
    assert joint.statistics["warnings"][0].startswith("ru has 1")
