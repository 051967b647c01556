"""The verdict in one sentence: direction, harm, and what would help, each from rows alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.report_pages import one_result, several_results

from clinometer.report import render_html, render_markdown
from clinometer.report.evaluation.finding import direction, finding
from clinometer.report.evaluation.view import by_lean, read_results

Make = Callable[..., dict[str, Any]]


def said(*results: dict[str, Any]) -> str:
    readings = read_results(list(results))
    return finding(readings, by_lean(readings))


def gaps(make_row: Make, target: float, pivot: float) -> list[dict[str, Any]]:
    """Rank gaps of both sides with an interval of a tenth either way."""
    return [
        make_row("multi", query, ["en", "de"], "RankGap", value, ci_low=value - 0.1, ci_high=value + 0.1)
        for query, value in (("de", target), ("en", pivot))
    ]


@pytest.mark.parametrize(
    ("target", "pivot", "start", "towards"),
    [
        (1.0, 1.0, "It leans to English, whichever language the query is in: with German queries,", "pivot"),
        (1.0, -1.0, "It leans to English: with German queries, the German answer ranks 2.0 times as deep", "pivot"),
        (-2.0, 1.0, "It prefers the language of the query: with German queries, the English answer", "own"),
        (-1.0, -1.0, "It leans away from English, whichever language the query is in: with German", "own"),
        (0.05, 1.0, "It shows no clear lean: with German queries, the rank gap to English is +0.05", "none"),
    ],
)
def test_the_direction(
    make_result: Make, make_row: Make, target: float, pivot: float, start: str, towards: str
) -> None:
    result = make_result(languages=("en", "de")) | {"rows": gaps(make_row, target, pivot)}
    assert said(result).startswith(start)
    assert direction(read_results([result])) == towards


def test_lean_and_harm_are_one_sentence(make_result: Make, make_row: Make) -> None:
    row = make_row("one-sided", "de", ["en", "de"], "Intrusion", 0.25)
    text = said(make_result(languages=("en", "de")) | {"rows": [*gaps(make_row, 1.0, 1.0), row]})
    assert text.endswith("as the English one; an unrelated English document ranks above the answer for 25.0% of the "
                         "German queries.")  # fmt: skip
    assert said(make_result() | {"rows": [row]}).startswith("An unrelated English document")


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"answer": 80, "pivot": 15, "same-language": 5}, "are in another language: try clinometer correct."),
        ({"answer": 80, "other-language": 11, "same-language": 9}, "are in another language: try clinometer correct."),
        ({"answer": 80, "pivot": 5, "same-language": 15}, "a stronger encoder would help more than a correction."),
        ({"answer": 80, "duplicate": 15, "pivot": 5}, "mend the judgements first."),
        ({"answer": 25, "near-tie": 75}, "(75 of 75) tie with the answer, or nearly: look at the scores first."),
        (
            {"answer": 4, "pivot": 1},
            "most wrong documents on top (1 of 1) are in another language: try clinometer correct.",
        ),
        ({"answer": 98, "pivot": 2}, "little is left to straighten."),
        ({"answer": 40, "translation": 60}, "little is left to straighten."),
    ],
)
def test_what_would_help_follows_from_what_ranks_first(
    make_result: Make, make_row: Make, counts: dict[str, int], expected: str
) -> None:
    row = make_row("one-sided", "de", ["en", "de"], "Intrusion", 0.25)
    place = {"scenario": "one-sided", "query_language": "de", "pool_languages": ["en", "de"], "of": 100}
    rows = [place | {"category": name, "queries": number, "share": number / 100} for name, number in counts.items()]
    # Queries of the pivot say nothing about what the other languages need.
    rows.append(place | {"query_language": "en", "category": "same-language", "queries": 90, "share": 0.9})
    assert said(make_result() | {"rows": [row], "analysis": {"rows": rows}}).endswith(expected)


def test_several_results_name_the_least_and_the_most(make_result: Make, make_row: Make) -> None:
    def result(name: str, value: float, measure: str = "Intrusion") -> dict[str, Any]:
        return make_result(name=name) | {"rows": [make_row("multi", "macro-target", ["*"], measure, value)]}

    rows = [make_row("multi", "de", ["en", "de"], "Intrusion", 0.2)]
    results = [result("a", 0.2), result("b", 0.1), result("c", 0.3)]
    results = [one | {"rows": [*one["rows"], *rows]} for one in results]
    assert said(*results).startswith(
        "Of 3 results, b has an unrelated English document above the answer least often (10.0% of queries) "
        "and c most often (30.0%); clinometer compare"
    )
    leans = [result("a", -1.5, "RankGap"), result("b", 0.5, "RankGap")]
    assert "b leans least (+0.50 log2 ranks to English) and a most (−1.50)" in said(*leans)
    assert direction(read_results(leans)) == "none"


def test_the_sentence_opens_page_and_markdown() -> None:
    result = one_result()
    sentence = said(result)
    assert f">{sentence.replace(chr(39), '&#39;')}</p>" in render_html([result])
    assert render_markdown([result]).split("\n\n")[1] == f"**{sentence}**"
    assert sentence.count(".") - sentence.count("%") <= 2
    assert said(*several_results()) in render_html(several_results())
