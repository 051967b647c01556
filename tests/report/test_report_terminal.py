"""What a terminal shows: the finding, one table that fits, notes in short; colour only where it is wanted."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from support.command_line import Run

from clinometer.cli import terminal as command_line
from clinometer.cli.streams import guarded
from clinometer.report import plain_report
from clinometer.report.base import wording
from clinometer.report.base.terminal import Terminal
from clinometer.report.evaluation.finding import finding
from clinometer.report.evaluation.headline import headline
from clinometer.report.evaluation.view import by_lean, read_results

Make = Callable[..., Any]
STYLE = re.compile(r"\x1b\[[0-9;]*m")


def cells(text: str) -> int:
    from rich.cells import cell_len

    return max(map(cell_len, text.splitlines()))


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_the_finding_and_one_table_fit_the_width(make_result: Make, width: int) -> None:
    results = [make_result(("en", "de", "th", "zh", "es", "ar"), name="org/一个模型")]
    text = plain_report(results, Terminal(width))
    assert cells(text) <= width
    readings = read_results(results)
    assert finding(readings, by_lean(readings)) in " ".join(text.split())
    rules = [line for line in text.splitlines() if set(line) == {"-"}]
    assert len(rules) == 1
    narrow, wide = plain_report(results, Terminal(60)), plain_report(results, Terminal(200))
    assert narrow.count("Complete@10") == 1
    assert "[" in wide
    assert len(text.splitlines()) <= 30


def test_values_are_those_of_the_rows(make_result: Make) -> None:
    (reading,) = read_results([make_result()])
    text = plain_report([make_result()], Terminal(200))
    for language in by_lean([reading]):
        line = next(line for line in text.splitlines() if f"({language})" in line)
        for scenario, measure in (("one-sided", "Intrusion"), ("multi", "RankGap"), ("multi", "Complete@10")):
            row = reading.row(scenario, "target", language, measure)
            assert row is not None
            ends = wording.interval(measure, row["ci_low"], row["ci_high"])
            assert f"{wording.value(measure, row['value'])} [{ends}]" in line
    pivot = next(line for line in text.splitlines() if line.startswith("English queries"))
    assert wording.value("RankGap", reading.number("multi", "pivot", None, "RankGap")) in pivot


def test_the_middle_of_many_languages_is_counted(make_result: Make) -> None:
    languages = ("en", *(f"q{letter}{other}" for letter in "abcd" for other in "efghi"))
    text = plain_report([make_result(languages)], Terminal(80))
    assert re.search(r"^… 5 more +…", text, re.MULTILINE)
    assert len(re.findall(r"^q[a-d][e-i] ", text, re.MULTILINE)) == 15
    assert "values are shown; --verbose" in text
    every = plain_report([make_result(languages)], Terminal(80), verbose=True)
    assert all(f"\n{language} " in every for language in languages[1:])


def gap(value: float, low: float | None, high: float | None, query: str = "de") -> dict[str, Any]:
    row = {"scenario": "multi", "query_language": query, "pool_languages": ["en", "de"], "measure": "RankGap"}
    return row | {"value": value, "ci_low": low, "ci_high": high}


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([gap(1, 0.5, 2)], "It leans to English: with German queries, the German answer ranks 2.0 times as deep as"),
        ([gap(1, 0.5, 2), gap(1, 0.5, 2, "en")], "It leans to English, whichever language the query is in: with"),
        ([gap(-2, -3, -1), gap(1, 0.5, 2, "en")], "It prefers the language of the query: with German queries, the En"),
        ([gap(-2, -3, -1)], "It leans away from English: with German queries, the English answer ranks 4.0 times as d"),
        ([gap(-2, -3, -1), gap(-1, -2, -0.5, "en")], "It leans away from English, whichever language the query is in"),
        ([gap(0.1, -0.2, 0.4)], "It shows no clear lean: with German queries, the rank gap to English is +0.10 log2 r"),
        ([gap(0, None, None)], "It is upright: with German queries, the rank gap to English is 0.00 log2 ranks."),
        ([gap(0.05, None, None)], "It is upright: with German queries, the rank gap to English is +0.05 log2 ranks."),
        (
            [gap(-1, None, None)],
            "It leans away from English: with German queries, the English answer ranks 2.0 times as deep as the German "
            "answer; without an interval that may be chance.",
        ),
        ([gap(1, None, None)], "It leans to English: with German queries"),
    ],
)
def test_a_lean_is_called_one_only_beyond_its_interval(rows: list[dict[str, Any]], sentence: str) -> None:
    (reading,) = read_results([{"collection": {}, "encoder": {}, "settings": {"confidence": 0.95}, "rows": rows}])
    (found,) = headline(reading, ["de"])
    assert found.startswith(sentence)
    assert ("includes 0" in found) == ("no clear" in found)


def test_notes_are_short_and_the_rest_is_counted(make_result: Make) -> None:
    result = make_result()
    result["encoder"] = result["encoder"] | {"warnings": [f"warning {number} " + "word " * 90 for number in range(5)]}
    text = plain_report([result], Terminal(80))
    assert text.count("Note: ") == 3
    assert "Note: warning 2" in text
    assert text.count("…\n") == 3
    assert re.search(r"and [23] more notes\.", text)
    assert text.count("word") < 100 < plain_report([result], Terminal(80), verbose=True).count("word")


@pytest.mark.parametrize(("notes", "rest"), [(3, ""), (4, " and 1 more note"), (6, " and 3 more notes")])
def test_notes_that_are_left_out_are_counted(notes: int, rest: str) -> None:
    lines, further = Terminal().notes([f"note {number}." for number in range(notes)])
    assert lines == ["Note: note 0.", "Note: note 1.", "Note: note 2."]
    assert further == rest


def test_foreign_text_cannot_drive_the_terminal(make_result: Make) -> None:
    result = make_result(name="evil\x1b[31m\x1b]0;title\x07")
    for colour in (False, True):
        text = plain_report([result, make_result(name="b")], Terminal(100, colour))
        assert "\x1b" not in STYLE.sub("", text)
        assert "\x1b[31m" not in text
        assert "\\u001b[31m" in text
        assert ("\x1b[1m" in text) is colour


@pytest.mark.parametrize(
    ("variables", "is_terminal", "expected"),
    [
        ({}, True, True), ({}, False, False), ({"NO_COLOR": "1"}, True, False), ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
    ],
)  # fmt: skip
def test_colours_by_stream_and_environment(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], is_terminal: bool, expected: bool
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    class Stream:
        def isatty(self) -> bool:
            return is_terminal

    assert command_line.colours(Stream()) is expected


def test_the_width_is_that_of_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    for columns, expected in (("63", 63), ("x", 100), ("0", 100), ("3", 20)):
        monkeypatch.setenv("COLUMNS", columns)
        assert command_line.terminal().width == expected


def test_only_colours_pass_the_guard(capsys: pytest.CaptureFixture[str]) -> None:
    with guarded():
        command_line.show("\x1b[1mbold\x1b[0m \x1b[2Jcleared \x1b]0;title\x07")
        sys.stdout.write("\x1b[1mbold\n")
    assert capsys.readouterr().out == (
        "\x1b[1mbold\x1b[0m \\u001b[2Jcleared \\u001b]0;title\\u0007\n\\u001b[1mbold\n"
    )  # fmt: skip


def test_a_report_in_colour_and_without(run: Run, make_result: Make, tmp_path: Any, monkeypatch: Any) -> None:
    import json

    path = tmp_path / "results.json"
    path.write_text(json.dumps(make_result()), encoding="utf-8")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    plain = run("report", path).out
    assert "\x1b" not in plain
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = run("report", path).out
    assert "\x1b[1m" in coloured
    assert [line.rstrip() for line in STYLE.sub("", coloured).splitlines()] == plain.splitlines()
