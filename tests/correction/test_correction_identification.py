"""Languages of queries from their texts: how often right, never wrong about what it cannot know, and refusals."""

from __future__ import annotations

import sys

import pytest

import clinometer as cm
from clinometer.correction import identify
from clinometer.errors import LanguageError, MissingExtraError, UsageError

pytest.importorskip("py3langid")


def shares(cut: int | None = None, confidence: float = 0.5) -> tuple[float, float, float]:
    """Of the demonstration's queries, cut to so many characters: right, wrong, not told."""
    queries = cm.load("demo").queries
    found = identify(set(queries.languages), confidence=confidence)([text[:cut] for text in queries.texts])
    right = sum(label == wanted for label, wanted in zip(found, queries.languages, strict=True))
    untold = sum(label is None for label in found)
    return right / len(found), (len(found) - right - untold) / len(found), untold / len(found)


def test_the_queries_of_the_demonstration() -> None:
    right, wrong, untold = shares()
    sys.stdout.write(f"of the demo's queries: {right:.2%} right, {wrong:.2%} wrong, {untold:.2%} not told\n")
    assert right > 0.99
    assert wrong < 0.005


def test_little_text_is_rather_not_told_than_told_wrongly() -> None:
    sure, doubtful = shares(8), shares(8, confidence=0.0)
    sys.stdout.write(f"of their first 8 characters: {sure[0]:.2%} right, {sure[1]:.2%} wrong, {sure[2]:.2%} not told\n")
    assert sure[2] > 0
    assert doubtful[2] == 0
    assert sure[1] < doubtful[1] / 2
    assert sure[0] > 0.9


def test_only_the_given_languages_are_answered() -> None:
    found = identify(["eng_Latn", "de", "zho_Hant", "nb"])
    assert found.languages == ("en", "de", "zh-Hant", "no")
    texts = ["Where is the station?", "Wo ist der Bahnhof?", "車站在哪裡？", "Hvor ligger togstasjonen?", "", "?!"]
    assert found(texts) == ["en", "de", "zh-Hant", "no", None, None]
    # A text in any other language is taken for one of these.
    assert identify(["en", "ru"])(["Wo ist der Bahnhof?"]) == ["en"]
    assert identify(["en", "de"], confidence=1.0)(["Where is the station that I am looking for?"]) in (["en"], [None])


def test_the_same_text_gives_the_same_answer_anywhere() -> None:
    texts = list(cm.load("demo").queries.texts[:200:7])
    languages = ["en", "de", "es", "fr"]
    one, other = identify(languages), identify(languages[::-1])
    found = one(texts)
    assert other(texts[::-1])[::-1] == found
    assert [one([text])[0] for text in texts] == found


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LanguageError, match="the identifier does not support xx, only"):
        identify(["en", "xx"])
    with pytest.raises(LanguageError, match="the identifier does not distinguish zh and zh-Hant"):
        identify(["zh", "en", "zh-Hant"])
    with pytest.raises(LanguageError, match="no languages to choose from"):
        identify([])
    for confidence in (-0.1, 1.5, float("nan"), True):
        with pytest.raises(UsageError, match=r"must (lie between 0 and 1|be a finite number|be a number)"):
            identify(["en"], confidence=confidence)
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    with pytest.raises(MissingExtraError, match=r"clinometer\[langid\]"):
        identify(["en"])
