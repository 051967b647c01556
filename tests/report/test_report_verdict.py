"""The sentences of the verdict: who loses most, in which direction, and what must be said with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clinometer.report.evaluation.verdict import caveats, key_numbers, verdict
from clinometer.report.evaluation.view import by_lean, read_results

Make = Callable[..., dict[str, Any]]


def said(result: dict[str, Any]) -> str:
    readings = read_results([result])
    return " ".join(verdict(readings, by_lean(readings)))


def pair(
    make_row: Make, measure: str, values: dict[str, float | None], scenario: str = "multi"
) -> list[dict[str, Any]]:
    return [make_row(scenario, label, ["en", label], measure, value) for label, value in values.items()]


def test_intrusion_names_worst_best_mean_and_reverse(make_result: Make, make_row: Make) -> None:
    rows = pair(make_row, "Intrusion", {"de": 0.05, "th": 0.4, "zh": 0.2}, "one-sided")
    rows.append(make_row("one-sided", "macro-target", ["*"], "Intrusion", 0.2166, ci_low=None))
    rows.append(make_row("one-sided", "macro-pivot", ["*"], "Intrusion", 0.03))
    text = said(make_result() | {"rows": rows})
    assert text == (
        "With Thai queries, an unrelated English document ranks above the Thai answer for 40.0% of the queries "
        "(95% interval 36.0 to 44.0), the highest share of 3 languages; with German queries it is 5.0%, the lowest. "
        "The mean over the languages is 21.7%. The reverse, an unrelated document of the other language above the "
        "English answer to English queries, happens for 3.0% on average."
    )


def test_intrusion_of_multi_is_used_where_nothing_is_one_sided(make_result: Make, make_row: Make) -> None:
    assert "40.0%" in said(make_result() | {"rows": pair(make_row, "Intrusion", {"th": 0.4})})


def test_equal_shares_have_no_worst_language(make_result: Make, make_row: Make) -> None:
    text = said(make_result() | {"rows": pair(make_row, "Intrusion", {"de": 0.1, "th": 0.1})})
    assert "the same for each of the 2 languages" in text
    assert "lowest" not in text


def test_a_worst_language_that_the_encoder_lacks_is_not_left_alone(make_result: Make, make_row: Make) -> None:
    result = make_result() | {"rows": pair(make_row, "Intrusion", {"de": 0.05, "th": 0.4, "zh": 0.2})}
    result["encoder"] = result["encoder"] | {"languages": ["en", "de", "zh"]}
    text = said(result)
    assert (
        "not made for Thai; of the 2 target languages that it was made for, Chinese has the highest share: 20.0%."
        in text
    )
    assert caveats(read_results([result])) == ["† The encoder was not made for Thai; read these rows with care."]


def test_lean_has_direction_and_depth(make_result: Make, make_row: Make) -> None:
    toward = said(make_result() | {"rows": pair(make_row, "RankGap", {"de": 1.0})})
    assert "leans to English, +1.00 log2 ranks (95% interval +0.90 to +1.10)" in toward
    assert "2.0 times as deep as the English one" in toward
    away = said(
        make_result() | {"rows": [make_row("multi", "de", ["en", "de"], "RankGap", -1.0, ci_low=-1.1, ci_high=-0.9)]}
    )
    assert "leans to the query's language, −1.00 log2 ranks" in away
    assert "the English answer ranks 2.0 times as deep" in away


def test_an_interval_with_zero_is_no_lean(make_result: Make, make_row: Make) -> None:
    row = make_row("multi", "de", ["en", "de"], "RankGap", 0.03, ci_low=-0.02, ci_high=0.08)
    text = said(make_result() | {"rows": [row]})
    assert "no clear lean: +0.03 log2 ranks (95% interval −0.02 to +0.08); the interval includes 0" in text
    assert "times as deep" not in text


def test_preference_for_the_query_is_told_from_a_lean_to_the_pivot(make_result: Make, make_row: Make) -> None:
    def both(target: float, pivot: float) -> str:
        rows = [
            make_row("multi", query, ["en", "de"], "RankGap", value, ci_low=value - 0.1, ci_high=value + 0.1)
            for query, value in (("de", target), ("en", pivot))
        ]
        return said(make_result() | {"rows": rows})

    assert "it prefers the language of the query" in both(-1.0, 1.0)
    assert "it leans to English whichever language the query is in" in both(1.0, 1.0)
    assert "whichever" not in both(0.05, 1.0)


def test_complete_answers(make_result: Make, make_row: Make) -> None:
    rows = pair(make_row, "Complete@10", {"de": 80.0, "th": 30.0})
    assert "among the first 10 documents from 30.0% with Thai to 80.0% with German queries." in said(
        make_result() | {"rows": rows}
    )
    rows.append(make_row("multi", "macro-target", ["*"], "Reachable@10", 91.25))
    assert said(make_result() | {"rows": rows}).endswith(
        "German queries. Only shifting the languages against each other could reach 91.2% at most."
    )
    alone = [*pair(make_row, "Complete@10", {"de": 80.0}), *pair(make_row, "Reachable@10", {"de": 90.0})]
    assert said(make_result() | {"rows": alone}).endswith("could reach 90.0% at most.")


def test_undefined_values_and_absent_rows_say_nothing(make_result: Make, make_row: Make) -> None:
    rows = [make_row("mono-same", "de", ["de"], "MaxR", 2.0)]
    assert said(make_result() | {"rows": rows}) == (
        "The result has no rows for pools of several languages, so it says nothing about a lean."
    )
    cases: list[tuple[str, dict[str, float | None]]] = [("Intrusion", {"de": None}), ("MaxR", {"de": 3.0})]
    for name, values in cases:
        text = said(make_result() | {"rows": [*rows, *pair(make_row, name, values)]})
        assert "but no value of a measure that the verdict uses; measure Intrusion, RankGap" in text
        assert "no rows" not in text


def test_several_results_have_a_paragraph_each(make_result: Make) -> None:
    readings = read_results([make_result(name="a"), make_result(name="b", start=300, collection="other")])
    paragraphs = verdict(readings, by_lean(readings))
    assert [text.split(":")[0] for text in paragraphs[:2]] == ["a", "b"]
    assert paragraphs[2].startswith("The intervals belong to each encoder alone")
    assert any("different collections" in text for text in caveats(readings))


def test_warnings_come_first_and_key_numbers_are_rows(make_result: Make) -> None:
    result = make_result()
    result["encoder"] = result["encoder"] | {"warnings": ["no prompt was given"]}
    result["notices"] = ["multi, pool en+de: 3 of the de queries have no answer in the pool and are left out"]
    (reading,) = readings = read_results([result])
    assert caveats(readings)[0] == "no prompt was given"
    assert "one setting leaves out queries" in caveats(readings)[1]
    number, ends, words = key_numbers(reading, by_lean(readings))[0]
    assert number == f"{100 * reading.number('one-sided', 'target', None, 'Intrusion'):.1f}%"  # type: ignore[operator]
    assert " to " in ends
    assert "English document above the answer" in words


def test_equal_values_are_not_called_the_lowest_and_the_highest(make_result: Make, make_row: Make) -> None:
    """Also where they are equal only to the digits that are shown."""
    for other in (100.0, 99.99):
        rows = pair(make_row, "Complete@10", {"fr": 100.0, "de": other})
        assert said(make_result() | {"rows": rows}) == (
            "Both versions of the answer are among the first 10 documents for 100.0% with queries in each of the 2 "
            "languages."
        )
        rows.append(make_row("multi", "macro-target", ["*"], "Complete@10", 100.0, ci_low=99.0, ci_high=100.0))
        assert said(make_result() | {"rows": rows}) == (
            "Both versions of the answer are among the first 10 documents for 100.0% of the queries on average (95% "
            "interval 99.0 to 100.0), the same with queries in each of the 2 languages."
        )
    text = said(make_result() | {"rows": pair(make_row, "Intrusion", {"fr": 0.1, "de": 0.10004})})
    assert "highest" not in text
    assert "the same for each of the 2 languages" in text
    rows = pair(make_row, "RankGap", {"fr": 0.5, "de": 0.501})
    rows.append(make_row("multi", "macro-target", ["*"], "RankGap", 0.5))
    assert "It is +0.50 log2 ranks for each of the 2 languages." in said(make_result() | {"rows": rows})


def test_few_groups_and_what_was_drawn_are_said(make_result: Make, make_row: Make) -> None:
    result = make_result() | {"rows": pair(make_row, "Intrusion", {"de": 0.1})}
    result["settings"] = result["settings"] | {
        "resamples": 1000,
        "resample": "cluster",
        "clusters": 12,
        "questions": 60,
    }
    assert said(result).endswith("Only 12 independent groups of questions: the intervals are rough.")
    drawn = "Intervals (95%) are over 12 groups of questions that share an answer (60 questions)."
    assert caveats(read_results([result])) == [drawn]
    result["settings"] = result["settings"] | {"clusters": 60}
    assert "rough" not in said(result)
    assert caveats(read_results([result])) == [
        "Intervals (95%) are over 60 questions, of which no two share an answer."
    ]
    result["settings"] = result["settings"] | {"resamples": 0}
    assert caveats(read_results([result])) == []
    pooled = [result | {"settings": result["settings"] | {"resamples": 9, "clusters": 12}} for _ in range(2)]
    readings = read_results(pooled)
    assert all("only 12 independent groups of questions" in text for text in verdict(readings, by_lean(readings))[:2])
