"""Outcomes for continuous integration: JUnit's structure, what is escaped, the same verdict in every form."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import junitparser
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import clinometer as cm
from clinometer.comparison import Comparison, compare
from clinometer.comparison.conditions import check_results, read_conditions
from clinometer.comparison.gate import Gate
from clinometer.comparison.outcome import Case, Outcome, code, marker
from clinometer.comparison.summary import markdown_summary, outcome
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import UsageError
from clinometer.evaluation.results import Evaluation

HOSTILE = "e5 --><script>|`@team`\n# x\x1b[31m\ufffe]]>&amp;"


def row(measure: str, language: str, value: float | None, scenario: str = "multi") -> dict[str, Any]:
    low, high = (None, None) if value is None else (value - 0.1, value + 0.1)
    return {
        "scenario": scenario, "query_language": language, "pool_languages": ["en", "de"], "measure": measure,
        "value": value, "ci_low": low, "ci_high": high, "queries": 9, "documents": 90, "ties": 0,
    }  # fmt: skip


def results(name: str = "e5", **values: float | None) -> Evaluation:
    rows = [row("RR", language, value) for language, value in values.items()]
    return Evaluation({"name": "tiny", "digest": "d"}, {"name": name}, {"pivot": "en", "ties": "index"}, rows)


def gate(evaluation: Evaluation, *texts: str, **options: Any) -> Gate:
    conditions = [condition for text in texts for condition in read_conditions("min", [text])]
    return Gate(evaluation, check_results(evaluation, conditions, **options))


def counted(xml: str) -> tuple[list[ElementTree.Element], ElementTree.Element]:
    """The test cases, and the root, once every count in the file is that of its elements."""
    root = ElementTree.fromstring(xml)
    assert root.tag == "testsuites"
    (suite,) = root
    assert suite.tag == "testsuite"
    cases = suite.findall("testcase")
    failures = suite.findall("testcase/failure")
    for element in (root, suite):
        assert (element.get("tests"), element.get("failures")) == (str(len(cases)), str(len(failures)))
        assert element.get("errors") == "0"
        assert element.get("name")
    assert suite.get("skipped") == "0"
    for case in cases:
        assert case.get("classname")
        assert case.get("name")
        assert case.get("time") == "0"
        assert len(case.findall("failure")) <= 1
        assert {child.tag for child in case} <= {"failure", "system-out"}
    return cases, root


def test_junit_has_a_case_for_each_condition_with_the_rows_that_fail() -> None:
    xml = gate(results(de=0.5, en=0.9, th=0.2), "RR[multi]=0.6", "RR=0.1").to_junit()
    (fails, holds), root = counted(xml)
    assert (fails.get("classname"), fails.get("name")) == ("clinometer.RR.multi", "--min RR[multi]=0.6")
    (failure,) = fails
    assert failure.tag == "failure"
    assert failure.get("message") == "multi, questions in de, pool en+de: 0.5 (0.4 to 0.6) (and 1 more)"
    assert (failure.text or "").splitlines()[1] == "multi, questions in th, pool en+de: 0.2 (0.1 to 0.3)"
    assert holds.get("classname") == "clinometer.RR"
    text = "3 rows; worst: multi, questions in th, pool en+de: 0.2 (0.1 to 0.3)"
    assert [(child.tag, child.text) for child in holds] == [("system-out", text)]
    assert root.get("name") == "clinometer check of e5 on tiny"


def test_junit_can_be_read_by_junitparser() -> None:
    xml = junitparser.JUnitXml.fromstring(gate(results(de=0.5, en=0.9), "RR=0.6", "RR=0.1").to_junit().encode())
    (suite,) = xml
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (2, 1, 0, 0)
    assert [len(case.result) for case in suite] == [1, 0]


@given(st.text(), st.text(), st.lists(st.text(), max_size=3))
def test_any_text_is_well_formed_xml_that_says_it(name: str, title: str, failures: list[str]) -> None:
    (case,), root = counted(Outcome(title + "x", (Case("g", name + "x", tuple(failures)),)).to_junit())
    plain = "[^\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff]"
    if re.fullmatch(f"{plain}*", name) and name.isascii():
        assert case.get("name") == name + "x"
    assert bool(list(case)) == bool(failures)
    assert root.get("name")


@given(st.text(), st.booleans())
def test_code_is_one_span_on_one_line(text: str, cell: bool) -> None:
    span = code(text, cell=cell)
    assert "\n" not in span
    fence = re.match("`+", span)
    assert fence is not None
    assert span.endswith(fence[0])
    inner = span[len(fence[0]) : -len(fence[0])]
    assert fence[0] not in re.findall("`+", inner)
    if cell:
        assert re.search(r"(?<!\\)\|", inner) is None


def test_what_comes_from_results_is_escaped_in_every_form() -> None:
    checked = gate(replace(results(HOSTILE, de=0.5), collection={"name": HOSTILE, "digest": "d"}), "RR=0.9")
    counted(checked.to_junit())
    markdown = checked.to_markdown()
    first, _, heading, *_ = markdown.split("\n")
    assert first == marker(checked.title)
    assert first.count("-->") == 1
    assert first.endswith(" -->")
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", heading)
    assert "<script>" not in outside
    assert "@team" not in outside
    for text in (markdown, checked.to_text(), checked.to_junit(), checked.to_json()):
        assert "\x1b" not in text


def test_every_form_has_the_same_verdict() -> None:
    checked = gate(results(de=0.5, en=0.9, th=None), "RR[multi]=0.6", "RR[multi,en]=0.1")
    assert checked.holds is False
    loaded = json.loads(checked.to_json())
    assert loaded["holds"] is False
    assert [condition["holds"] for condition in loaded["conditions"]] == [False, True]
    assert [row["compared"] for row in loaded["conditions"][0]["failures"]] == [0.5, None]
    assert "holds" not in loaded["conditions"][0]["failures"][0]
    assert [line[:5] for line in checked.to_text().splitlines()] == ["FAIL ", "     ", "     ", "ok   "]
    markdown = checked.to_markdown()
    assert "**1 of 2 conditions fails.**" in markdown
    # An undefined value fails by more than any number, so it is the worst.
    assert (
        "| **fails** | `--min RR[multi]=0.6` | `multi, questions in th, pool en+de` | – | – |\n"
        "| ok | `--min RR[multi,en]=0.1` | `multi, questions in en, pool en+de` | 0.9 | 0.8 to 1 |\n" in markdown
    )
    assert markdown.count("| **fails** | ") == 3
    assert "1 condition: all hold." in gate(results(de=0.5), "RR=0.5").to_markdown()


def test_a_comment_stays_short() -> None:
    rows = [row("RR", f"x{chr(97 + n // 26)}{chr(97 + n % 26)}", 0.1) for n in range(200)]
    many = replace(results(), rows=rows)
    markdown = gate(many, "RR=0.5").to_markdown()
    assert markdown.count("| **fails** | ") == 41
    assert "160 more rows fail; `--format json` lists all." in markdown
    assert len(markdown) < 20_000


def evaluated(noise: float, seed: int = 0) -> Evaluation:
    """Noisy embeddings of 75 topics in two languages: the more noise, the worse."""
    collection = cm.load("demo", languages=["en", "de"])
    topics = {group: number for number, group in enumerate(dict.fromkeys(collection.documents.groups))}
    rng = np.random.default_rng(7)
    centres = rng.normal(size=(len(topics), 32))
    rng = np.random.default_rng(seed)
    sides = []
    for side in (collection.queries, collection.documents):
        rows = centres[[topics[str(group).partition(":")[0]] for group in side.groups]]
        sides.append((rows + noise * rng.normal(size=rows.shape)).astype(np.float32))
    return cm.evaluate(
        collection,
        PrecomputedEncoder(*sides),
        scenarios=["multi", "mono-same"],
        measures=["nDCG@10", "MaxR"],
        resamples=50,
    )


def test_a_drop_within_chance_passes_and_a_clear_one_does_not() -> None:
    before, again, worse = evaluated(2.0, seed=1), evaluated(2.0), evaluated(4.0)
    drops = read_conditions("max-drop", ["nDCG@10=0"])
    (plain,) = check_results(again, drops, baseline=before)
    assert not plain.holds
    (tested,) = check_results(again, drops, baseline=before, paired=True)
    assert tested.holds
    assert tested.rows == plain.rows
    (tested,) = check_results(worse, drops, baseline=before, paired=True)
    assert {row["query_language"] for row in tested.failures} >= {"de", "en", "macro"}
    rows = {(row["scenario"], row["query_language"]): row for row in compare(before, worse, measures=["nDCG@10"]).rows}
    for failure in tested.failures:
        expected = rows[failure["scenario"], failure["query_language"]]
        assert failure["compared"] == -expected["difference"] > 0
        assert failure["p"] == expected["p_adjusted"] <= 0.05
        assert (failure["change_low"], failure["change_high"]) == (expected["ci_low"], expected["ci_high"])
    # A clear drop that the limit allows passes, and a rise is no drop.
    (tested,) = check_results(worse, read_conditions("max-drop", ["nDCG@10=1"]), baseline=before, paired=True)
    assert tested.holds
    (tested,) = check_results(before, drops, baseline=worse, paired=True)
    assert tested.holds
    (tested,) = check_results(worse, read_conditions("max-rise", ["MaxR=0"]), baseline=before, paired=True)
    assert not tested.holds
    sentence = Gate(worse, [tested], before, paired=True).to_text().splitlines()[1]
    assert re.search(r", in the baseline \d\S* \(adjusted p <0\.001\)$", sentence)


def test_what_a_paired_check_needs() -> None:
    before, after = evaluated(2.0), evaluated(4.0)
    drops = read_conditions("max-drop", ["nDCG@10=0"])
    with pytest.raises(UsageError, match="--paired is for --max-drop and --max-rise; pass one of these with --basel"):
        check_results(after, read_conditions("min", ["nDCG@10=0"]), paired=True)
    with pytest.raises(UsageError, match="the results of the baseline have no values per query"):
        check_results(after, drops, baseline=replace(before, per_query={}), paired=True)


def comparison() -> Comparison:
    return compare(evaluated(2.0), evaluated(4.0), labels=["old", "new"], resamples=500)


def test_the_summary_of_a_comparison_says_what_changed() -> None:
    changes = comparison()
    text = markdown_summary(changes)
    assert text.startswith("<!-- clinometer compare of old with new -->\n\n## clinometer compare of `old` with `new`\n")
    worse = [line for line in text.splitlines() if line.startswith("| **worse** | ")]
    rows = [row for row in changes.rows if row["measure"] == "nDCG@10"]
    clear = [row for row in rows if row["p_adjusted"] <= 0.05]
    assert clear
    everything = markdown_summary(changes, everything=True)
    lines = [line for line in everything.splitlines() if line.startswith("| **worse** | nDCG@10 ")]
    assert len(lines) == len(clear)
    assert f"{len(worse)} clearly became worse and 0 better" in text
    for line in lines:
        assert line.count("|") == 10


def test_junit_of_a_comparison_fails_where_it_clearly_became_worse() -> None:
    changes = comparison()
    cases, root = counted(outcome(changes, everything=True).to_junit())
    assert root.get("name") == "clinometer compare of old with new"
    assert len(cases) == len(changes.rows)
    failing = {case.get("name") for case in cases if case.find("failure") is not None}
    expected = {
        f"{row['measure']} in {row['scenario']}, queries in {row['query_language']}, "
        f"pool {'+'.join(row['pool_languages'])}"
        for row in changes.rows
        if row["p_adjusted"] <= 0.05 and row["improved"] is False
    }
    assert failing == expected != set()
    backwards = compare(evaluated(4.0), evaluated(2.0), labels=["old", "new"], resamples=500)
    cases, _ = counted(outcome(backwards, everything=True).to_junit())
    assert [case for case in cases if case.find("failure") is not None] == []
