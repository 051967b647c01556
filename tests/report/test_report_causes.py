"""The section of the error analysis: only where there is one, in the results' own numbers, with every text escaped."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from clinometer.analysis import CATEGORIES
from clinometer.report import render_html, render_markdown
from clinometer.report.evaluation.cases import shortened
from clinometer.report.evaluation.causes import causes, draw_causes
from clinometer.report.evaluation.view import by_lean, read_results

Make = Callable[..., dict[str, Any]]
EVIL = "<script>alert(1)</script> & \"x\" | 'y' `z` <b>"


def analysis(examples: bool = True) -> dict[str, Any]:
    """German queries in two scenarios, English queries with two pools."""
    rows = []
    for scenario, query, pool, counts in (
        ("one-sided", "de", ["en", "de"], {"answer": 6, "pivot": 3, "near-tie": 1}),
        ("multi", "de", ["en", "de"], {"answer": 5, "translation": 5}),
        ("one-sided", "en", ["en", "de"], {"answer": 9, "other-language": 1}),
        ("one-sided", "en", ["en", "th"], {"answer": 10}),
    ):
        for category in CATEGORIES:
            count = counts.get(category, 0)
            ends = {"share": count / 10, "ci_low": count / 20, "ci_high": min(1.0, count / 8)}
            rows.append({"scenario": scenario, "query_language": query, "pool_languages": pool, "category": category,
                         "queries": count, "of": 10} | ends)  # fmt: skip
    wrong = {"rank": 1, "category": "pivot", "margin": 0.25, "id": f"wrong {EVIL}", "language": "en", "text": EVIL * 9}
    example = {
        "scenario": "one-sided", "query_language": "de", "pool_languages": ["en", "de"], "query_id": "q<1>",
        "query": f"Frage {EVIL}", "rank": 1234, "max_rank": 1234, "above": {"en": 1200, "de": 33},
        "answer": {"id": "right", "language": "de", "text": f"Antwort {EVIL}", "score": 0.5},
        "first": [wrong | {"score": 0.75}],
    }  # fmt: skip
    found: dict[str, Any] = {"settings": {"tolerance": 0.001, "overlap": 0.8}, "rows": rows}
    return found | ({"examples": [example]} if examples else {})


def test_no_section_without_an_analysis(make_result: Make) -> None:
    result = make_result()
    readings = read_results([result])
    assert causes(readings, by_lean(readings)) is None
    assert "What ranks first" not in render_html([result])
    assert "What ranks first" not in render_markdown([result])


def test_counts_without_examples(make_result: Make) -> None:
    for text in render([make_result() | {"analysis": analysis(examples=False)}]):
        assert "What ranks first (one-sided)" in text
        assert "hurt most" not in text


def render(results: list[dict[str, Any]]) -> tuple[str, str]:
    return render_html(results), render_markdown(results)


def test_lines_are_the_rows_and_pools_of_the_pivots_queries_are_added(make_result: Make) -> None:
    readings = read_results([make_result() | {"analysis": analysis()}])
    section = causes(readings, by_lean(readings))
    assert section is not None
    one_sided, multi = section.tables
    assert [column.head for column in one_sided.columns] == [
        "the answer", "near-tie", "unrelated English", "unrelated, other language", "Queries",
    ]  # fmt: skip
    german, english = one_sided.lines
    assert [cell.text for cell in german.cells] == ["60.0", "10.0", "30.0", "–", "10"]
    assert german.cells[0].aside == "[30.0, 75.0]"
    assert [cell.text for cell in english.cells] == ["95.0", "0.0", "–", "5.0", "20"]
    # Several pools have no common interval, and a count of 0 would have one of no width.
    assert [cell.aside for cell in english.cells] == [""] * 5
    assert english.label == "English queries (2 pools)"
    assert [cell.text for cell in multi.lines[0].cells] == ["50.0", "50.0", "10"]
    notes = dict(section.notes)
    assert "less than 0.001" in notes["near-tie"]
    assert "duplicate of an answer" not in notes
    names = [drawing.name for drawing in draw_causes(readings, by_lean(readings))]
    assert names == ["causes-one-sided", "causes-multi"]


def test_texts_are_escaped_and_cut_and_know_their_direction(make_result: Make) -> None:
    html, markdown = render([make_result() | {"analysis": analysis()}])
    assert html.count("<script") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert '<p class="query" dir="auto" lang="de">Frage &lt;script&gt;' in html
    assert '<p dir="auto" lang="en">&lt;script&gt;' in html
    assert "q&lt;1&gt;" in html
    assert "1,234. Unrelated documents above it: 1,200 in English and 33 in German." in html
    assert EVIL not in markdown
    assert "<b>" not in markdown
    lines = [line for line in markdown.splitlines() if "Frage" in line or line.startswith("|  | 1234 |")]
    assert len(lines) == 2
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 6 for line in lines)
    for text in re.findall(r'<p dir="auto"[^>]*>(.*?)</p>', html):
        assert len(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&#34;", '"')
                   .replace("&#39;", "'")) <= 280  # fmt: skip


def test_several_results_name_themselves(make_result: Make) -> None:
    results = [make_result() | {"analysis": analysis()}, make_result(name="b", start=300) | {"analysis": analysis()},
               make_result(name="c", start=700)]  # fmt: skip
    readings = read_results(results)
    section = causes(readings, by_lean(readings))
    assert section is not None
    assert [table.title for table in section.tables] == [
        "What ranks first (one-sided), offline", "What ranks first (one-sided), b",
    ]  # fmt: skip
    assert [name for name, _ in section.cases_by_scenario] == ["offline: one-sided", "b: one-sided"]
    assert [drawing.name for drawing in draw_causes(readings, by_lean(readings))] == [
        "causes-one-sided-1", "causes-one-sided-2",
    ]  # fmt: skip
    html = render_html(results)
    assert html == render_html(results)
    assert len(re.findall(r"<details\b", html)) == html.count("</details>")


@pytest.mark.parametrize(("text", "length"), [("short", 10), ("a b", 3), ("", 5)])
def test_what_fits_is_not_cut(text: str, length: int) -> None:
    assert shortened(text, length) == text


def test_text_without_spaces_is_cut_too() -> None:
    assert shortened("字" * 50, 10) == "字" * 9 + "…"
    assert len(shortened("word " * 50, 20)) <= 20
