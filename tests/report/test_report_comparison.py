"""The report of a comparison: sentences, every row in a table, a page that is well formed and says what it shows."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from support.html_page import HtmlPage

from clinometer.comparison import Comparison
from clinometer.errors import MissingExtraError, UsageError
from clinometer.report.comparison import (
    draw_figures,
    html_comparison,
    markdown_comparison,
    plain_comparison,
    write_comparison,
)
from clinometer.report.comparison.figure import draw_dumbbells
from clinometer.report.comparison.tables import all_tables, mean_tables
from clinometer.report.comparison.verdict import TOLERANCE, caveats, change, methods, verdict
from clinometer.report.comparison.view import View

LANGUAGES = ("en", "de", "th", "zh")
MONO = {"en": -0.001, "de": -0.004, "th": -0.031, "zh": -0.012}


def row(scenario: str, query: str, pool: list[str], measure: str, before: float, change: float, **more: Any) -> Any:
    """A row whose interval is the change and a fifth of it either way."""
    ends = sorted((0.8 * change, 1.2 * change))
    found: dict[str, Any] = {"scenario": scenario, "query_language": query, "pool_languages": pool, "measure": measure}
    found |= {"before": before, "after": before + change, "difference": change, "ci_low": ends[0], "ci_high": ends[1]}
    found |= {"p": 0.0004, "p_adjusted": 0.002, "effect": 0.5, "better": 30, "worse": 10, "equal": 60, "queries": 100}
    return found | {"lower_is_better": False, "improved": change > 0, "encoder": "tuned"} | more


def comparison(**more: Any) -> Comparison:
    rows = []
    for name, pool in (("macro", ["*"]), ("macro-target", ["*"]), ("trained", ["*"]), ("unseen", ["*"])):
        rows.append(row("multi", name, pool, "Complete@10", 48.2, 45.6 if name != "unseen" else 20.0))
    for number, label in enumerate(LANGUAGES[1:]):
        rows.append(row("multi", "en", ["en", label], "Complete@10", 50.0 + number, 40.0))
        change = -2.0 if label == "th" else 45.6
        unclear = {"p_adjusted": 0.6} if label == "zh" else {}
        rows.append(row("multi", label, ["en", label], "Complete@10", 40.0 - number, change, **unclear))
    rows.append(row("multi", "macro-target", ["*"], "RankGap", 2.5, -2.25, lower_is_better=None, improved=True))
    rows.append(row("one-sided", "macro-target", ["*"], "Intrusion", 0.30, -0.25, lower_is_better=True, improved=True))
    rows.append(row("mono-same", "macro", ["*"], "nDCG@1", 0.8, -0.01, p_adjusted=0.4))
    rows += [row("mono-same", label, [label], "nDCG@1", 0.8, MONO[label]) for label in LANGUAGES]
    settings = {
        "pivot": "en", "groups": {"trained": ["de", "zh"], "unseen": ["th"]}, "confidence": 0.95, "resamples": 10_000,
        "correction": "holm", "seed": 1234, "measures": ["Complete@10", "RankGap", "Intrusion", "nDCG@1"],
    }  # fmt: skip
    collection = {"name": "xquad", "languages": list(LANGUAGES), "documents": {"en": 240}, "queries": {"en": 1190}}
    given: dict[str, Any] = {
        "collection": collection, "encoders": [{"name": "base"}, {"name": "tuned", "warnings": ["look"]}],
        "labels": ["base", "tuned"], "settings": settings, "rows": rows, "notices": ["tuned: 3 values are left out"],
    }  # fmt: skip
    return Comparison(**(given | more))


def test_the_verdict() -> None:
    main, harm, others = verdict(View(comparison(), "tuned"))
    assert main == (
        "Complete@10 in multi, mean over all queries, rises from 48.2% to 93.8% (+45.6 points, 95% interval +36.5 to "
        "+54.7). Trained languages (de, zh): from 48.2% to 93.8% (+45.6 points, 95% interval +36.5 to +54.7). Unseen "
        "languages (th): from 48.2% to 68.2% (+20.0 points, 95% interval +16.0 to +24.0). By language (adjusted p at "
        "most 0.05): better in 1 of 3, worse in 1: Thai."
    )
    assert harm == (
        "nDCG@1 in mono-same falls by more than 0.005 (0.5 points of 100) in 2 of 4 languages: Thai (−0.031, 95% "
        "interval −0.037 to −0.025) and Chinese (−0.012, 95% interval −0.014 to −0.010). Its mean does not clearly "
        "change, from 0.800 to 0.790 (−0.010, 95% interval −0.012 to −0.008), but adjusted p is 0.400."
    )
    assert others == (
        "The rank gap to English with queries in the target languages moves towards 0, from +2.50 to +0.25 (−2.25 log2 "
        "ranks, 95% interval −2.70 to −1.80). Intrusion, the share of queries with an unrelated document of the other "
        "language above the answer, with queries in the target languages falls from 30.0% to 5.0% (−25.0 points, 95% "
        "interval −30.0 to −20.0), which is better."
    )


def test_no_harm_and_nothing_to_check() -> None:
    rows = [row("mono-same", label, [label], "nDCG@1", 0.8, -TOLERANCE) for label in LANGUAGES]
    texts = verdict(View(comparison(rows=rows), "tuned"))
    # Without a mean over languages there is no other sentence.
    assert texts == ["nDCG@1 in mono-same: no language falls by more than 0.005 (0.5 points of 100)."]
    rows = [row("multi", "macro", ["*"], "MaxR", 20.0, -15.0, lower_is_better=True, improved=True)]
    texts = verdict(View(comparison(rows=rows), "tuned"))
    assert "falls from 20.0 to 5.0 (−15.0, 95% interval −18.0 to −12.0), which is better." in texts[0]
    assert texts[1] == "The results have no nDCG@1 in mono-same, so harm to search in one language was not checked."


def test_what_could_be_chance_is_no_rise() -> None:
    rows = [
        row("multi", "de", ["en", "de"], "RR", 0.5, 0.1, p_adjusted=0.051),
        row("one-sided", "de", ["en", "de"], "RR", 0.5, 0.1, p_adjusted=None, ci_low=-0.01),
        row("mono-same", "de", ["de"], "RR", 0.5, 0.1, p_adjusted=None),
    ]
    view = View(comparison(rows=rows), "tuned")
    assert [view.clear(one) for one in view.rows] == [False, False, True]
    assert "does not clearly change, from 0.500 to 0.600" in verdict(view)[0]


def test_every_row_stands_in_one_table() -> None:
    view = View(comparison(), "tuned")
    tables = all_tables(view)
    assert sum(len(table.lines) for table in tables) == len(view.rows)
    first = tables[0]
    assert first.title == "multi: Complete@10 ↑ (%), by language"
    # The worst before comes first, the pivot last, then the means.
    assert [line.label for line in first.lines] == [
        "Chinese (zh)", "Thai (th)", "German (de)", "English queries, Chinese", "English queries, Thai",
        "English queries, German", "all queries", "target languages", "trained", "unseen",
    ]  # fmt: skip
    assert [cell.text for cell in first.lines[1].cells] == [
        "39.0", "37.0", "−2.0", "−2.4, −1.6", "0.002", "+0.50", "30", "10", "100"
    ]  # fmt: skip
    means = mean_tables(view)
    assert [line.label for line in means[0].lines[-1:]] == ["Rank gap →0, target languages"]


@pytest.mark.parametrize("several", [False, True])
def test_the_page(several: bool) -> None:
    found = comparison()
    if several:
        more = [one | {"encoder": "<b>other"} for one in found.rows]
        found = comparison(
            rows=found.rows + more, labels=["base", "tuned", "<b>other"], encoders=[*found.encoders, {"name": "<b>"}]
        )
    page = html_comparison(found)
    assert page.startswith("<!doctype html>")
    tags = HtmlPage(page)
    assert tags.wrong == []
    assert tags.open == []
    assert len(tags.ids) == len(set(tags.ids))
    assert "<b>" not in page
    assert not re.search(r'(?:src|href)="https?:', page)
    assert page.count('role="img"') == (4 if several else 2)
    for text in (*verdict(View(found, "tuned")), *caveats(found), *methods(found)):
        assert text.replace("'", "&#39;").replace("<", "&lt;") in page
    assert page == html_comparison(found)


def test_the_figure_says_what_it_shows() -> None:
    view = View(comparison(), "tuned")
    drawing = draw_dumbbells(view, "multi", "Complete@10", name="x")
    assert drawing is not None
    assert drawing.text == (
        "Complete@10 in multi. Chinese 38.0 before, 83.6 after; Thai 39.0 before, 37.0 after; German 40.0 before, 85.6 "
        "after."
    )
    assert [mark.text for mark in drawing.key] == [
        "before", "after: clearly better", "after: clearly worse", "after: not clear"
    ]  # fmt: skip
    assert all(text in drawing.svg for text in (">+45.6<", ">−2.0<", ">Thai<"))
    assert draw_dumbbells(view, "multi", "RR", name="x") is None


def test_text_for_a_terminal_and_markdown() -> None:
    found = comparison()
    plain = plain_comparison(found)
    assert max(map(len, plain.splitlines())) <= 110
    assert "Note: tuned: look" in plain
    assert "15 of 16 rows" not in plain
    noted = plain_comparison(comparison(notices=["one", "two", "three"]))
    assert "shows the whole verdict and the tests and 1 more note, --all every row." in " ".join(noted.split())
    twin = markdown_comparison(found)
    assert twin.startswith("# Before and after: base → tuned\n")
    assert twin.count("| Thai (th) |") == 4
    assert "- tuned: 3 values are left out." in twin


def test_files_by_their_ending(tmp_path: Path) -> None:
    found = comparison()
    for name, start in (("a.html", "<!doctype"), ("b.md", "# Before"), ("c.json", "{\n")):
        write_comparison(found, tmp_path / "new" / name)
        assert (tmp_path / "new" / name).read_text(encoding="utf-8").startswith(start)
    found.report(tmp_path / "d.markdown")
    with pytest.raises(UsageError, match=r"a\.txt: a comparison is HTML, Markdown or JSON"):
        write_comparison(found, tmp_path / "a.txt")


def test_without_matplotlib_no_folder_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"figures as files needs .*clinometer\[report\]"):
        draw_figures(comparison(), tmp_path / "figures")
    assert not (tmp_path / "figures").exists()


def test_a_mean_that_no_query_changes_has_no_from_and_to() -> None:
    same = row("mono-same", "de", ["de"], "nDCG@1", 0.8, 0.0, improved=None, ci_low=-0.01, ci_high=0.01, p_adjusted=1.0)
    view = View(comparison(), "tuned")
    assert change(view, same | {"equal": 100}) == "stays at 0.800"
    # Rises and falls that cancel out are a change of queries.
    assert change(view, same).startswith("does not clearly change, at 0.800 before and after (")


def test_methods_say_what_was_drawn_and_few_groups_are_rough() -> None:
    drawn = {"resample": "cluster", "clusters": 12, "questions": 60}
    clustered = comparison(settings=comparison().settings | drawn)
    text = " ".join(methods(clustered))
    assert "Intervals of differences: 95%, over 12 groups of questions that share an answer (60 questions)." in text
    assert "one sign for all questions that share an answer, translations included" in text
    assert verdict(View(clustered, "tuned"))[-1] == "Only 12 independent groups of questions: the intervals are rough."
    assert "one sign for all translations of a question" in " ".join(methods(comparison()))
