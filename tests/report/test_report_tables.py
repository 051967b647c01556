"""Tables of a report: each row once, means under what they are means of, widths in any script."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinometer.report import plain_report
from clinometer.report.base import wording
from clinometer.report.base.table import Cell, Column, Line, Table
from clinometer.report.base.terminal import Terminal
from clinometer.report.base.text import escape_markdown, markdown_table
from clinometer.report.evaluation.sections import every_pair, sections
from clinometer.report.evaluation.tables import full_tables
from clinometer.report.evaluation.view import by_lean, read_results

Make = Callable[..., dict[str, Any]]


def width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line)


@pytest.mark.parametrize("pairs", ["pivot", "all"])
def test_full_tables_show_each_row_once(make_result: Make, pairs: str) -> None:
    result = make_result(pairs=pairs)
    result["rows"].append(result["rows"][0] | {"scenario": "a new one", "measure": "NotKnown", "value": 17.25})
    readings = read_results([result])
    tables = full_tables(readings, by_lean(readings))
    shown = [cell.text for table in tables for line in table.lines for cell in line.cells[:-3]]
    wanted = [wording.value(row["measure"], row["value"]) for row in result["rows"]]
    assert sorted(text for text in shown if text != wording.DASH) == sorted(wanted)
    assert "17.250" in shown
    assert len({table.name for table in tables}) == len(tables)


def test_several_results_stand_side_by_side(make_result: Make) -> None:
    results = [make_result(name="a", scenarios=("multi",)), make_result(name="b", scenarios=("multi",), start=400)]
    readings = read_results(results)
    table = next(table for table in full_tables(readings, by_lean(readings)) if table.name == "all-multi-target")
    assert [column.encoder for column in table.columns[:4]] == ["a", "b", "a", "b"]
    line = next(line for line in table.lines if line.label == "Thai (th)")
    values = [wording.value("MaxR", reading.number("multi", "target", "th", "MaxR")) for reading in readings]
    assert [cell.text for cell in line.cells[:2]] == values
    assert values[0] != values[1]


def test_means_stand_under_the_lines_that_they_are_of(make_result: Make) -> None:
    readings = read_results([make_result(scenarios=("multi", "multilingual"))])
    labels = {table.name: [line.label for line in table.lines] for table in full_tables(readings, ["zh", "de", "th"])}
    assert labels == {
        "all-multi-target": [
            "Chinese (zh)",
            "German (de)",
            "Thai (th)",
            "mean of all query languages",
            "mean of target languages",
        ],
        "all-multi-pivot": ["Chinese (zh)", "German (de)", "Thai (th)", "mean over the pools, English queries"],
        "all-multilingual": [
            "English (en)",
            "Chinese (zh)",
            "German (de)",
            "Thai (th)",
            "mean of all query languages",
            "mean over the pools, English queries",
            "mean of target languages",
        ],
    }


def test_a_measure_of_fewer_queries_says_so(make_result: Make, make_row: Make) -> None:
    rows = [
        make_row("multi", "de", ["en", "de"], "MaxR", 2.0, ci_low=None),
        make_row("multi", "de", ["en", "de"], "RankGap", 0.5, ci_low=None, queries=1188),
        make_row("multi", "de", ["en", "de"], "PivotFirst", None, queries=0),
    ]
    readings = read_results([make_result() | {"rows": rows}])
    (table,) = full_tables(readings, ["de"])
    assert [(cell.text, cell.aside) for cell in table.lines[0].cells] == [
        ("2.0", ""), ("+0.50", "n = 1,188"), ("–", ""), ("1,190", ""), ("480", ""), ("2", ""),
    ]  # fmt: skip
    assert table.lines[0].cells[1].tip.endswith("1,188 queries")


def test_matrix_only_where_pairs_are_without_the_pivot(make_result: Make) -> None:
    pivot, every = read_results([make_result()]), read_results([make_result(pairs="all")])
    assert (every_pair(pivot), every_pair(every)) == (False, True)
    (table,) = next(section for section in sections(every, by_lean(every)) if section.name == "mono").tables
    assert len(table.lines) == len(table.columns) == 4
    row = next(row for row in every[0].places["mono-cross", "th", ("zh",)].items() if row[0] == "nDCG@10")[1]
    names = [column.head for column in table.columns]
    thai = next(line for line in table.lines if line.label.startswith("Thai"))
    assert thai.cells[names.index("Chinese")].text == wording.value("nDCG@10", row["value"])


@pytest.mark.parametrize("scenario", ["multi", "one-sided", "multilingual", "mono-same", "mono-cross"])
def test_one_scenario_alone_is_enough(make_result: Make, scenario: str) -> None:
    result = make_result(scenarios=(scenario,))
    readings = read_results([result])
    assert sections(readings, by_lean(readings))
    assert f"\n{scenario}: " in plain_report([result], verbose=True)


def test_no_rows_at_all(make_result: Make) -> None:
    result = make_result() | {"rows": []}
    assert "says nothing about a lean" in plain_report([result])
    assert sections(read_results([result]), ["de"]) == []


@pytest.mark.parametrize("languages", [("en", "de"), ("en", "de", "th", "zh", "es", "ar")])
def test_terminal_text_is_narrow_and_counts_what_it_leaves_out(make_result: Make, languages: tuple[str, ...]) -> None:
    results = [make_result(languages, name="org/一个模型"), make_result(languages, name="b", start=500)]
    text = plain_report(results, Terminal(width=110), verbose=True)
    assert max(map(width, text.splitlines())) <= 110
    assert "\nB: b on xquad" in text
    value = wording.value("MaxR", read_results(results)[1].number("multi", "target", "de", "MaxR"))
    assert value in text
    total = sum(len(result["rows"]) for result in results)
    assert f"of {total:,} values are shown" in text


def test_pairs_without_pivot_alone_are_shown_in_full(make_result: Make) -> None:
    result = make_result(pairs="all", scenarios=("multi",))
    result["rows"] = [
        row for row in result["rows"] if "en" not in row["pool_languages"] and row["pool_languages"] != ["*"]
    ]
    text = plain_report([result], verbose=True)
    assert "pairs without English" in text
    assert "values are shown" not in text


_TABLE = Table(
    "t", "T", "", "Language", (Column("Max@R ↓"), Column("Language share@10", "%")),
    (Line("German|de", (Cell("2.0", "[1.0, 3.0]"), Cell("–"))),),
)  # fmt: skip


def test_plain_table_aligns_and_wraps_headings() -> None:
    assert Terminal().table(_TABLE).splitlines() == [
        "                    Language",
        "           Max@R ↓  share@10",
        "Language                   %",
        "----------------------------",
        "German|de      2.0         –",
    ]


def test_plain_table_splits_but_keeps_encoders_together() -> None:
    columns = tuple(Column(f"measure{i}", "", encoder) for i in range(4) for encoder in "AB")
    table = Table("t", "T", "", "", columns, (Line("x", tuple(Cell(str(i)) for i in range(8))),))
    pages = Terminal(width=45).table(table).split("\n\n")
    assert [page.splitlines()[0].split() for page in pages] == [
        ["measure0"] * 2 + ["measure1"] * 2,
        ["measure2"] * 2 + ["measure3"] * 2,
    ]


def test_markdown_table_is_well_formed() -> None:
    assert markdown_table(_TABLE).splitlines() == [
        "| Language | Max@R ↓ | Language share@10 (%) |",
        "|:--|--:|--:|",
        r"| German\|de | 2.0 \[1.0, 3.0\] | – |",
    ]


@given(st.text())
def test_markdown_text_stays_on_one_line_without_open_markup(text: str) -> None:
    escaped = escape_markdown(text)
    assert len(escaped.splitlines()) <= 1
    assert "<" not in escaped
    assert all(escaped[i - 1] == "\\" for i, character in enumerate(escaped) if character in "|*`[")


@pytest.mark.parametrize(
    ("measure", "number", "text"),
    [
        ("nDCG@10", 0.12345, "0.123"),
        ("Intrusion", 0.2344, "23.4"),
        ("Complete@10", 55.88, "55.9"),
        ("MaxR", 1650.95, "1,651.0"),
        ("RankGap", 0.456, "+0.46"),
        ("RankGap", -0.001, "0.00"),
        ("LanguageGap(RankGap)", 0.456, "0.46"),
        ("IntrusionCount", 2.345, "2.35"),
        ("NotKnown", 3.0, "3.000"),
        ("MaxR", None, "–"),
    ],
)
def test_values_are_written_by_their_unit(measure: str, number: float | None, text: str) -> None:
    assert wording.value(measure, number) == text


def test_units_of_gaps() -> None:
    assert wording.scale("LanguageGap(MaxRnorm)").unit == "points"
    assert wording.scale("Intrusion").unit == "%"
