"""BM25: its formula, its terms, and what it says about answers that share no term."""

from __future__ import annotations

from collections import Counter
from math import log
from typing import Any

import numpy as np
import pytest

import clinometer as cm
from clinometer.encoders import encoder
from clinometer.errors import MissingExtraError, UsageError
from clinometer.scorers import BM25Scorer, Scorer, scorer
from clinometer.scorers.tokens import terms

TEXTS = [
    ("en", "The cat sleeps on the mat."),
    ("en", "A dog barks at the cat, the cat runs."),
    ("de", "Die Katze schläft auf der Matte."),
    ("de", "Ein Hund bellt."),
    ("zh", "猫在垫子上睡觉。"),
]
ASKED = [("en", "the cat, the mat?"), ("de", "Wo schläft die Katze?"), ("zh", "猫在哪里睡觉?"), ("de", "Qwert")]


def collection() -> cm.Collection:
    builder = cm.CollectionBuilder("cats")
    for number, (language, text) in enumerate(TEXTS):
        builder.add_document(f"d{number}", text, language)
    for number, (language, text) in enumerate(ASKED):
        builder.add_query(f"q{number}", text, language)
        for document in (0, 2, 4):
            builder.judge(f"q{number}", f"d{document}")
    return builder.build()


def by_hand(query: str, k1: float, b: float) -> list[float]:
    """The formula of the docstring, in plain Python."""
    documents = [terms(text) for _, text in TEXTS]
    mean = sum(map(len, documents)) / len(documents)
    scores = []
    for document in documents:
        counts, total = Counter(document), 0.0
        for term in terms(query):
            holding = sum(term in other for other in documents)
            weight = log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
            total += weight * counts[term] / (counts[term] + k1 * (1 - b + b * len(document) / mean))
        scores.append(total)
    return scores


@pytest.mark.parametrize(("k1", "b"), [(1.2, 0.75), (0.9, 0.4), (2.0, 0.0), (0.1, 1.0)])
def test_scores_are_those_of_the_formula(k1: float, b: float) -> None:
    relevant: Any = [range(5)] * 4
    found = BM25Scorer(k1=k1, b=b).score(collection()).scan(
        relevant=relevant, languages=[language for language, _ in TEXTS], k=0, per_language=False, ties="index",
        document_ids=None,
    )  # fmt: skip
    assert found.ranks is not None
    wanted = [score for _, query in ASKED for score in by_hand(query, k1, b)]
    np.testing.assert_allclose(found.ranks.scores, wanted, rtol=1e-5)
    assert found.ranks.scores.dtype == np.float32


def test_answers_without_a_common_term_tie_and_are_counted() -> None:
    found = cm.evaluate(collection(), "bm25", scenarios=["multilingual"], measures=["LPR", "MaxR"], ties="expected",
                        resamples=0)  # fmt: skip
    # q0 meets d0; q1 meets d2; q2 meets d4; q3 meets none: 2 + 2 + 2 + 3 answers score 0.
    assert found.notices[0] == (
        "bm25: 9 of 12 answers share no term with their query; they score 0 and tie with all other such documents"
    )
    table = found.per_query
    lpr = dict(zip(table["query_id"].tolist(), table["LPR"].tolist(), strict=True))
    assert lpr == {"q0": 100, "q1": 100, "q2": 100, "q3": pytest.approx(100 / 3)}
    assert {row["query_language"]: row["ties"] for row in found.rows if row["measure"] == "MaxR"}["de"] == 5
    assert found.settings["similarity"] == "bm25"


def test_the_record_says_what_decides_the_scores() -> None:
    record = scorer("bm25:k1=0.9,b=0.4").record
    assert (record.name, record.kind, record.revision[:6]) == ("bm25", "bm25", "bm25s ")
    assert record.settings["k1"] == 0.9
    assert record.settings["b"] == 0.4
    assert "bigrams" in record.settings["tokenizer"]
    assert isinstance(scorer("bm25"), Scorer)


@pytest.mark.parametrize("what", ["bm25:k1", "bm25:k1=x", "bm25:k2=1", "bm25:k1=nan"])
def test_parameters_that_cannot_be_read_are_refused(what: str) -> None:
    with pytest.raises(UsageError, match=r"invalid parameters of bm25 in .*; write them as in bm25:k1=0\.9,b=0\.4"):
        scorer(what)


def test_parameters_out_of_range_and_other_options_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for parameters in ({"k1": -1.0}, {"b": 1.1}, {"k1": float("inf")}):
        with pytest.raises(UsageError, match="k1 must be 0 or more, and b between 0 and 1"):
            BM25Scorer(**parameters)
    with pytest.raises(UsageError, match="query_prompt has no effect on bm25; leave it out"):
        scorer("bm25", query_prompt="query: ")
    with pytest.raises(UsageError, match="bm25 yields scores, not embeddings, so it can only be evaluated"):
        encoder("bm25")
    monkeypatch.setitem(__import__("sys").modules, "bm25s", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'clinometer\[bm25\]'"):
        BM25Scorer()


def test_texts_without_a_term() -> None:
    builder = cm.CollectionBuilder("marks")
    builder.add_document("d", "!!!", "en")
    builder.add_query("q", "what?", "en")
    builder.judge("q", "d")
    with pytest.raises(UsageError, match="no document of 'marks' has a letter or a digit"):
        cm.evaluate(builder.build(), "bm25", scenarios=["mono-same"])
    builder.add_document("e", "What else", "en")
    found = cm.evaluate(builder.build(), "bm25", scenarios=["mono-same"], measures=["MaxR"], resamples=0)
    assert found.value("MaxR", "mono-same", "en") == 2


def test_scorers_give_no_embeddings() -> None:
    from clinometer.adapters import AdaptedEncoder
    from clinometer.correction import CorrectedEncoder

    anything: Any = None
    for wrapped in (CorrectedEncoder, AdaptedEncoder):
        with pytest.raises(UsageError, match="bm25 yields scores, not embeddings, so it can only be evaluated"):
            wrapped(BM25Scorer(), anything)  # type: ignore[arg-type]


# Terms.


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Don't STOP: 42 cafés", ["don", "t", "stop", "42", "cafés"]),
        ("cafe\u0301s ﬁne Ⅳ", ["cafés", "fine", "iv"]),
        ("Straße", ["strasse"]),
        ("हिन्दी में क्\u200dष", ["हिन्दी", "में", "क्ष"]),
        ("می\u200cخواهم", ["می", "خواهم"]),
        ("东京2020奥运", ["东京", "2020", "奥运"]),
        ("猫", ["猫"]),
        ("ｶﾞｲﾄﾞ", ["ガイ", "イド"]),
        ("東京タワーで", ["東京", "京タ", "タワ", "ワー", "ーで"]),
        ("서울은 NASA", ["서울", "울은", "nasa"]),
        ("กรุงเทพ", ["กรุ", "รุง", "ุงเ", "งเท", "เทพ"]),
        ("co\u00adop a_b", ["coop", "a", "b"]),
        ("… — !", []),
    ],
)
def test_terms_of_many_scripts(text: str, wanted: list[str]) -> None:
    assert terms(text) == wanted
