"""Translation with a cache: every text once, nothing lost in a kill, every engine and language for itself."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clinometer.errors import FormatError, UsageError
from clinometer.training.data import samples_from_items
from clinometer.training.translate import (
    QueryPassage,
    TranslationCache,
    read_pairs,
    read_translated,
    translate_pairs,
)

PAIRS = [
    QueryPassage("q1", "12#3", "where is the sea", "The sea lies behind the hills."),
    QueryPassage("q2", "40#0", "who sleeps", "A cat sleeps on the warm roof."),
    QueryPassage("q3", "12#3", "what is behind the hills", "The sea lies behind the hills."),
]


class Backwards:
    """Turns every word around, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, texts: list[str], language: str) -> list[str]:
        self.calls.append(texts)
        return [f"{language} " + " ".join(word[::-1] for word in text.split()) for text in texts]


def test_each_text_is_translated_once_and_never_again(tmp_path: Path) -> None:
    engine = Backwards()
    with TranslationCache(tmp_path / "cache.jsonl") as cache:
        found = translate_pairs(PAIRS, "de", engine, engine="back-1", cache=cache, batch_size=1)
        assert engine.calls == [[PAIRS[0].passage], [PAIRS[1].passage]]
        assert found.items[1].texts == {
            "en": ("who sleeps", PAIRS[1].passage),
            "de": (None, "de A tac speels no eht mraw .foor"),
        }
        assert found.statistics["translated_now"] == 2
    with TranslationCache(tmp_path / "cache.jsonl") as cache:
        again = translate_pairs(PAIRS, "de", engine, engine="back-1", cache=cache)
        assert len(engine.calls) == 2
        assert again.rows == found.rows
        assert again.statistics["from_cache"] == 2
        translate_pairs(PAIRS, "de", engine, engine="back-2", cache=cache)
        translate_pairs(PAIRS, "zh", engine, engine="back-1", cache=cache)
        assert len(engine.calls) == 4  # another engine and another language answer for themselves
        assert len(cache) == 6


def test_items_become_samples_and_pages_stay_whole(tmp_path: Path) -> None:
    with TranslationCache(tmp_path / "cache.jsonl") as cache:
        found = translate_pairs(PAIRS, "de", Backwards(), engine="e", cache=cache, queries=True)
    assert [one.page for one in found.items] == ["12", "40", "12"]
    samples = samples_from_items(found.items, ["de"], dev_share=0, layout="clear")
    assert samples.statistics["duplicates"] == {"en": 1}  # two queries share a passage
    assert {row[2] for row in samples.rows} == {"de erehw si eht aes", "de ohw speels"}


def test_rows_have_the_published_form_and_are_read_again(tmp_path: Path) -> None:
    with TranslationCache(tmp_path / "cache.jsonl") as cache:
        found = [translate_pairs(PAIRS, label, Backwards(), engine="e-1", cache=cache) for label in ("de", "zh")]
    assert found[0].rows[0] == {
        "qid": "q1",
        "docid": "12#3",
        "lang": "de",
        "query_en": "where is the sea",
        "passage_en": "The sea lies behind the hills.",
        "passage_tgt": "de ehT aes seil dniheb eht .sllih",
        "mt_engine": "e-1",
    }
    for one, name in zip(found, ("de.jsonl", "zh.jsonl.gz"), strict=True):
        one.write(tmp_path / name)
    merged = read_translated([tmp_path / "de.jsonl", tmp_path / "zh.jsonl.gz"])
    assert [one.id for one in merged] == [one.id for one in found[0].items]
    assert list(merged[0].texts) == ["en", "de", "zh"]
    with pytest.raises(FormatError, match=r"de.jsonl:1: '12#3/q1' has de twice"):
        read_translated([tmp_path / "de.jsonl", tmp_path / "de.jsonl"])


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_cut_last_line_is_dropped_counted_and_mended(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "cache.jsonl"
    with TranslationCache(path) as cache:
        cache.put([("one", "eins"), ("two", "zwei ü")], "de", "e")
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with TranslationCache(path) as cache:
        assert cache.get("one", "de", "e") == "eins"
        mended = cut == 1  # only the line end was missing
        assert cache.get("two", "de", "e") == ("zwei ü" if mended else None)
        assert cache.cut_lines == (0 if mended else 1)
        cache.put([("three", "drei")], "de", "e")
    with TranslationCache(path) as cache:
        assert cache.cut_lines == 0
        assert (cache.get("one", "de", "e"), cache.get("three", "de", "e")) == ("eins", "drei")


def test_a_broken_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "cache.jsonl"
    with TranslationCache(path) as cache:
        cache.put([("one", "eins"), ("two", "zwei")], "de", "e")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0][:-9] + b"\n" + lines[1])
    with pytest.raises(FormatError, match=r"cache.jsonl:1: .*; remove the line, and its text will be translated again"):
        TranslationCache(path)
    assert path.read_bytes().endswith(lines[1])  # nothing was thrown away


def test_a_process_killed_between_batches_is_continued(tmp_path: Path) -> None:
    code = """
import os, signal, sys
from clinometer.training.translate import QueryPassage, TranslationCache, translate_pairs
pairs = [QueryPassage(f"q{n}", f"d{n}", f"ask {n}", f"the answer number {n}") for n in range(6)]
done = []
def translator(texts, language):
    if len(done) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    done.append(texts)
    return [f"antwort {text}" for text in texts]
translate_pairs(pairs, "de", translator, engine="e", cache=TranslationCache(sys.argv[1]), batch_size=2)
"""
    path = tmp_path / "cache.jsonl"
    killed = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    pairs = [QueryPassage(f"q{n}", f"d{n}", f"ask {n}", f"the answer number {n}") for n in range(6)]
    engine = Backwards()
    with TranslationCache(path) as cache:
        found = translate_pairs(pairs, "de", engine, engine="e", cache=cache, batch_size=2)
    assert found.statistics["from_cache"] == 4
    assert engine.calls == [["the answer number 4", "the answer number 5"]]
    assert found.rows[0]["passage_tgt"] == "antwort the answer number 0"


def test_what_the_engine_cannot_do_is_left_out_and_counted(tmp_path: Path) -> None:
    with TranslationCache(tmp_path / "cache.jsonl") as cache:
        found = translate_pairs(
            PAIRS,
            "de",
            lambda texts, _: ["" if "sea" in text else "eine Katze" for text in texts],
            engine="e",
            cache=cache,
        )
        assert [one.id for one in found.items] == ["40#0/q2"]
        assert (found.statistics["empty_translations"], found.statistics["pairs_left_out"]) == (1, 2)
        assert len(cache) == 1  # an empty answer is not stored, so it is asked for again


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (["one"], r"called with texts 0 to 1, returned 1 for 2"),
        ("two texts", r"called with texts 0 to 1, returned one text for 2"),
        (["one", 2], r"returned int for text 1; it must return text"),
    ],
)
def test_a_translator_that_answers_wrongly(answer: Any, said: str, tmp_path: Path) -> None:
    with TranslationCache(tmp_path / "cache.jsonl") as cache, pytest.raises(UsageError, match=said):
        translate_pairs(PAIRS, "de", lambda *_: answer, engine="e", cache=cache)


def test_usage(tmp_path: Path) -> None:
    with TranslationCache(tmp_path / "cache.jsonl") as cache:
        with pytest.raises(UsageError, match="the pairs already are in en"):
            translate_pairs(PAIRS, "eng_Latn", Backwards(), engine="e", cache=cache)
        with pytest.raises(UsageError, match="batch_size is 0"):
            translate_pairs(PAIRS, "de", Backwards(), engine="e", cache=cache, batch_size=0)
    with pytest.raises(UsageError, match="is closed; open it again"):
        cache.put([("a", "b")], "de", "e")
    with pytest.raises(FileNotFoundError, match="create it before translating"):
        TranslationCache(tmp_path / "absent" / "cache.jsonl")


def test_pairs_of_both_forms(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    rows: list[dict[str, Any]] = [
        {
            "query_id": "1",
            "query": "who",
            "positive_passages": [
                {"docid": "7#2", "title": "Cats", "text": "They sleep."},
                {"docid": "8#0", "text": "x"},
            ],
            "negative_passages": [],
        },
        {"query_id": "2", "query": "what", "document_id": "9#1", "title": " ", "text": "Nothing."},
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert read_pairs(path) == [
        QueryPassage("1", "7#2", "who", "Cats. They sleep."),
        QueryPassage("2", "9#1", "what", "Nothing."),
    ]
    path.write_text(json.dumps({**rows[0], "positive_passages": []}))
    with pytest.raises(FormatError, match=r"pairs.jsonl:1: the field 'positive_passages' has no passage"):
        read_pairs(path)
