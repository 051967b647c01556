"""Every category on a collection where it is known by construction: one German query, its answers, one intruder."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from support.brute_force import collection_of

import clinometer as cm
from clinometer.analysis import CATEGORIES, Judge
from clinometer.collection import Collection
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import UsageError

GERMAN = "Der Schlüssel liegt seit gestern unter der Matte vor der Tür."
ENGLISH = "The key has been lying under the mat by the door since yesterday."


class Intruder(NamedTuple):
    text: str
    language: str
    score: float


def made(intruder: Intruder | None, english: float = 0.5) -> tuple[Collection, PrecomputedEncoder]:
    """The German answer scores 0.8, the English one as told; a Chinese text far below makes a third language."""
    documents = [("de-answer", GERMAN, "de"), ("en-answer", ENGLISH, "en"), ("zh-far", "毫不相干的一句话", "zh")]
    scores = [0.8, english, 0.1]
    if intruder is not None:
        documents.insert(0, ("intruder", intruder.text, intruder.language))
        scores.insert(0, intruder.score)
    judged = {("q-de", "de-answer"): 1, ("q-de", "en-answer"): 1, ("q-en", "en-answer"): 1, ("q-en", "de-answer"): 1}
    collection = collection_of(documents, [("q-de", "de"), ("q-en", "en")], judged)
    rows = np.array([[score, (1 - score * score) ** 0.5] for score in scores], dtype=np.float32)
    return collection, PrecomputedEncoder(np.array([[1, 0], [1, 0]], dtype=np.float32), rows)


def leading(scenario: str, intruder: Intruder | None, **more: Any) -> str:
    """The category of the one German query, which must be the only one that is counted."""
    english = more.pop("english", 0.5)
    analysis = cm.analyse(*made(intruder, english), scenarios=[scenario], resamples=0, **more)
    rows = [r for r in analysis.rows if r["query_language"] == "de" and set(r["pool_languages"]) >= {"de", "en"}]
    assert [row["category"] for row in rows] == list(CATEGORIES)
    assert sum(row["queries"] for row in rows) == 1
    return str(next(row["category"] for row in rows if row["queries"]))


@pytest.mark.parametrize("scenario", ["multi", "one-sided", "multilingual", "mono-same"])
def test_the_answer_itself(scenario: str) -> None:
    if scenario == "mono-same":
        rows = cm.analyse(*made(None), scenarios=[scenario], resamples=0).rows
        assert {r["category"] for r in rows if r["queries"] and r["query_language"] == "de"} == {"answer"}
    else:
        assert leading(scenario, None) == "answer"


def test_an_answer_in_another_language() -> None:
    assert leading("multi", None, english=0.9) == "translation"
    assert leading("multilingual", None, english=0.9) == "translation"
    # It is not in the pool there.
    assert leading("one-sided", None, english=0.9) == "answer"


def test_an_unrelated_document_of_the_pivot() -> None:
    intruder = Intruder("Trains run every ten minutes on weekdays.", "en", 0.9)
    assert leading("one-sided", intruder) == "pivot"
    assert leading("multi", intruder) == "pivot"
    # The English answer that was taken out of the pool does not hide it.
    assert leading("one-sided", intruder, english=0.95) == "pivot"
    assert leading("multi", intruder, english=0.95) == "translation"
    # The pivot is a setting, not English.
    assert leading("multi", intruder, pivot="de") == "other-language"


def test_an_unrelated_document_of_the_querys_language() -> None:
    intruder = Intruder("Werktags fahren die Züge alle zehn Minuten.", "de", 0.9)
    assert leading("one-sided", intruder) == "same-language"
    assert leading("one-sided", intruder, pivot="de") == "same-language"


def test_an_unrelated_document_of_a_third_language() -> None:
    assert leading("multilingual", Intruder("火车在工作日每十分钟一班。", "zh", 0.9)) == "other-language"


def test_a_near_tie() -> None:
    close = Intruder("Trains run every ten minutes on weekdays.", "en", 0.8005)
    assert leading("one-sided", close) == "near-tie"
    assert leading("one-sided", close, tolerance=0.0001) == "pivot"
    assert leading("one-sided", close._replace(score=0.802)) == "pivot"
    assert leading("one-sided", close._replace(score=0.802), tolerance=0.01) == "near-tie"
    # An exact tie that stands first in the order of the collection is one too; behind the answer it is none.
    assert leading("one-sided", close._replace(score=0.8)) == "near-tie"


@pytest.mark.parametrize(
    "text",
    [
        f"  {GERMAN.upper().rstrip('.')} !",
        GERMAN.replace("gestern", "gestern früh"),
        GERMAN,
    ],
)
def test_a_duplicate_of_the_answer(text: str) -> None:
    assert leading("one-sided", Intruder(text, "de", 0.9)) == "duplicate"
    assert leading("multi", Intruder(text, "de", 0.9)) == "duplicate"


def test_a_duplicate_of_the_answer_that_the_pool_lacks() -> None:
    # It holds the answer after all, and no judgement says so.
    assert leading("one-sided", Intruder(ENGLISH.replace("yesterday", "Sunday"), "en", 0.9)) == "duplicate"
    # A verbatim copy leaves the pool together with the answer.
    assert leading("one-sided", Intruder(ENGLISH, "en", 0.9)) == "answer"
    assert leading("multi", Intruder(ENGLISH, "en", 0.9)) == "translation"


def test_how_much_is_shared_is_a_threshold() -> None:
    half = Intruder("Der Schlüssel liegt seit gestern auf dem großen Tisch in der Küche.", "de", 0.9)
    assert leading("one-sided", half) == "same-language"
    assert leading("one-sided", half, overlap=0.3) == "duplicate"


def test_thresholds_out_of_range_are_refused() -> None:
    collection, _ = made(None)
    for wrong in ({"tolerance": -1}, {"tolerance": float("nan")}, {"alike": 0}, {"alike": 1.1}):
        with pytest.raises(UsageError, match=r"cannot be negative|must lie above 0"):
            Judge(collection, "en", **wrong)
    with pytest.raises(UsageError, match="worst is -1"):
        cm.analyse(collection, made(None)[1], worst=-1)
    with pytest.raises(UsageError, match="shown is 0"):
        cm.analyse(collection, made(None)[1], shown=0)
