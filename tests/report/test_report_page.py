"""The page: the same bytes for the same results, whole, with every row, and everything escaped."""

from __future__ import annotations

import re
import sys
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from support.html_page import HtmlPage
from support.report_pages import one_result, several_results

from clinometer.errors import MissingExtraError, UsageError
from clinometer.report import draw_figures, render_html, render_markdown, require_extra, write_report
from clinometer.report.base import wording
from clinometer.report.evaluation.tables import full_tables
from clinometer.report.evaluation.view import by_lean, read_results

Make = Callable[..., dict[str, Any]]


def test_same_results_same_bytes(make_result: Make) -> None:
    results = [make_result(), make_result(name="b", start=300)]
    assert render_html(results) == render_html(results)
    assert render_markdown(results) == render_markdown(results)


def test_the_page_is_whole_and_needs_nothing_else(make_result: Make) -> None:
    text = render_html([make_result(pairs="all")])
    page = HtmlPage(text)
    assert (page.wrong, page.open) == ([], [])
    assert len(page.ids) == len(set(page.ids))
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert page.tags.count("script") == text.count("<script") == 1
    assert "@import" not in text
    assert not re.search(r"https?://(?!www\.w3\.org/)", text)
    assert '<html lang="en">' in text


def test_a_page_of_ten_languages_is_light() -> None:
    # The promise is 2 MB; five examples of every language and scenario, at their longest, are in it.
    assert len(render_html([one_result(examples=5)]).encode()) < 1_200_000
    assert len(render_html(several_results()).encode()) < 2_000_000


def test_the_policy_names_the_only_script() -> None:
    text = render_html([one_result()])
    (script,) = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    assert len(script.encode()) < 15_000
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in text


def test_every_mark_says_its_value_interval_and_queries() -> None:
    titles = re.findall(r'<g class="mark" data-line="(\w+)"><title>(.*?)</title>', render_html([one_result()]))
    assert len(titles) > 100
    told = re.compile(r".+: .*[\d.,]+%?, (interval .* to .*, )?[\d,]+ (of [\d,]+ )?queries")
    assert [title for _, title in titles if not told.fullmatch(title)] == []
    result = one_result()
    row = next(row for row in result["rows"] if (row["measure"], row["query_language"]) == ("RankGap", "ar"))
    value = f"{row['value']:+.2f}, interval {row['ci_low']:+.2f} to {row['ci_high']:+.2f}"
    expected = f"Arabic, queries in the row&#x27;s language: Rank gap {value}, 1,190 queries"
    assert ("ar", expected) in titles


@pytest.mark.parametrize("pairs", ["pivot", "all"])
def test_every_row_is_in_the_page_and_in_its_markdown_twin(make_result: Make, pairs: str) -> None:
    results = [make_result(pairs=pairs), make_result(name="b", start=300, scenarios=("multi", "mono-same"))]
    readings = read_results(results)
    page, markdown = HtmlPage(render_html(results)), render_markdown(results)
    cells = 0
    for table in full_tables(readings, by_lean(readings)):
        lines = [[line.label, *(f"{cell.text} {cell.aside}".strip() for cell in line.cells)] for line in table.lines]
        assert any(found[-len(lines) :] == lines for found in page.tables), table.name
        cells += sum(cell.text != wording.DASH for line in table.lines for cell in line.cells[: -3 * len(results)])
        for line in table.lines:
            assert all(cell.text in markdown for cell in line.cells)
    assert cells == sum(len(result["rows"]) for result in results)


def test_markdown_tables_have_equally_many_columns(make_result: Make) -> None:
    result = make_result(name="a|b", collection="c|d")
    text = render_markdown([result, make_result(name="other")])
    tables = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    assert len(tables) > 5
    for table in tables:
        bars = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(bars) == 1
        assert re.fullmatch(r"\|:--\|(--:\|)+", table.splitlines()[1])


def test_everything_from_a_result_is_escaped(make_result: Make) -> None:
    evil = "<script>alert('x')</script> & $\\frac{1}{2$"
    result = make_result(languages=("en", "de", "<b>"), name=f"m {evil}", collection=evil)
    result["encoder"] = result["encoder"] | {"warnings": [evil], "query_prompt": evil}
    result["collection"]["notes"] = {evil: evil}
    result["settings"] = result["settings"] | {"command": evil, evil: evil}
    result["notices"] = [evil]
    result["rows"].append(result["rows"][0] | {"measure": evil, "scenario": "multi"})
    for results in ([result], [result, make_result(name="二")]):
        page = render_html(results)
        assert page.count("<script") == 1
        assert "<b>" not in page
        assert HtmlPage(page).wrong == []
        assert "&lt;script&gt;" in page
        markdown = "\n".join(line for line in render_markdown(results).splitlines() if not line.startswith("    "))
        assert "<" not in markdown


@pytest.mark.parametrize("scenario", ["multi", "one-sided", "multilingual", "mono-same", "mono-cross"])
def test_scenarios_may_be_missing(make_result: Make, scenario: str) -> None:
    text = render_html([make_result(scenarios=(scenario,))])
    assert ('<section id="lean">' in text) == (scenario == "multi")
    assert ('<section id="intrusion">' in text) == (scenario in ("multi", "one-sided"))
    assert ('<section id="mono">' in text) == scenario.startswith("mono")


def test_no_rows_and_undefined_values_make_a_page(make_result: Make) -> None:
    assert "says nothing about a lean" in render_html([make_result() | {"rows": []}])
    result = make_result(languages=("en", "de"))
    result["rows"] = [row | {"value": None, "ci_low": None, "ci_high": None} for row in result["rows"]]
    assert "no value of a measure that the verdict uses" in render_html([result])


def test_figures_say_in_words_what_they_show(make_result: Make) -> None:
    labels = HtmlPage(render_html([make_result()])).labels
    assert len(labels) == 5
    assert labels[0].startswith("Rank gap to English, by language; 0 is upright, above 0 leans to English.")
    assert all(re.search(r"from .+ to .+", label) for label in labels)


def test_settings_prompts_and_measures_are_told(make_result: Make) -> None:
    for text in (render_html([make_result()]), render_markdown([make_result()])):
        plain = text.replace("\\", "").replace("&#39;", "'")
        assert "'query: '" in plain
        assert "1234" in plain
        assert "clinometer demo" in plain
        assert "how far one must read to find every language version" in plain
        assert "duplicates removed" in plain


def test_remedies_are_one_readable_line(make_result: Make) -> None:
    result = make_result()
    plain = render_markdown([result])
    assert "remedies" not in plain
    result["encoder"]["remedies"] = []
    assert render_markdown([result]) == plain
    result["encoder"]["remedies"] = [
        {"method": "adapter", "digest": "77aa", "settings": {"rank": 8, "encoder": {"name": "hidden"}}},
        {
            "method": "center",
            "digest": "12ab",
            "settings": {"languages": ["de", "en"], "strength": 0.7, "documents_fitted": {"de": 60, "en": 1200}},
        },
    ]
    (line,) = [line for line in render_markdown([result]).splitlines() if "remedies" in line]
    told = "remedies: adapter 77aa (rank 8), then center 12ab (strength 0.7; documents fitted de 60, en 1,200)"
    assert told in line.replace("\\", "")
    assert "then center 12ab (strength 0.7;" in render_html([result])


def test_write_report_by_suffix(make_result: Make, tmp_path: Path) -> None:
    results = [make_result(languages=("en", "de"))]
    assert write_report(results, tmp_path / "new" / "r.HTML").read_text(encoding="utf-8") == render_html(results)
    assert write_report(results, str(tmp_path / "new" / "r.md")).read_text(encoding="utf-8") == render_markdown(results)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["r.HTML", "r.md"]
    with pytest.raises(
        UsageError, match=r"r\.pdf: a report is HTML or Markdown; use a name that ends in \.html or \.md"
    ):
        write_report(results, tmp_path / "r.pdf")


def test_a_missing_extra_is_named(make_result: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"clinometer\[report\]"):
        require_extra()
    with pytest.raises(MissingExtraError, match=r"clinometer\[report\]"):
        render_html([make_result()])
    assert render_markdown([make_result()])


def test_only_figures_as_files_need_matplotlib(
    make_result: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "<svg" in render_html([make_result()])
    with pytest.raises(MissingExtraError, match=r"figures needs .*clinometer\[report\]"):
        draw_figures([make_result()], tmp_path / "figures")
    assert not (tmp_path / "figures").exists()
