"""What an evaluator says and writes, without torch: names, means, the balance, sampling, the CSV file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.interpreter import python

import clinometer as cm
import clinometer.integrations.sentence_transformers
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import LanguageError, UsageError
from clinometer.measures import parse
from clinometer.training.evaluator.history import append_row
from clinometer.training.evaluator.metrics import criterion_key, metric_name, metrics_of, primary_value
from clinometer.training.evaluator.questions import with_questions


def row(scenario: str, who: str, measure: str, value: float | None) -> dict[str, Any]:
    return {"scenario": scenario, "query_language": who, "measure": measure, "value": value}


def collection(count: int = 12, languages: tuple[str, ...] = ("en", "de", "zh")) -> cm.Collection:
    builder = cm.CollectionBuilder("parallel")
    for number in range(count):
        for label in languages:
            builder.add_document(f"{label}{number}", f"{label} text {number}", label, str(number))
            builder.add_query(f"{label}?{number}", f"{label} ask {number}", label, str(number))
        for label in languages:
            for other in languages:
                builder.judge(f"{label}?{number}", f"{other}{number}")
    return builder.build()


def evaluated(found: cm.Collection, **options: Any) -> cm.Evaluation:
    draw = np.random.default_rng(4)
    queries, documents = (
        draw.normal(size=(len(texts), 5)).astype(np.float32) for texts in (found.queries, found.documents)
    )
    return cm.evaluate(found, PrecomputedEncoder(queries, documents), resamples=0, **options)


def test_nothing_imports_torch_until_an_evaluator_is_asked_for() -> None:
    code = (
        "import sys, clinometer, clinometer.integrations.sentence_transformers, clinometer.training.evaluator.metrics,"
        " clinometer.training.evaluator.questions, clinometer.training.development;"
        "print([name for name in ('torch', 'datasets', 'sentence_transformers') if name in sys.modules])"
    )
    assert python(code) == "[]"


@pytest.mark.parametrize("missing", ["torch", "sentence_transformers"])
def test_a_missing_package_is_named_by_its_extra(missing: str) -> None:
    code = (
        f"import sys; sys.modules['{missing}'] = None\n"
        "from clinometer.errors import MissingExtraError\n"
        "try:\n    from clinometer.integrations.sentence_transformers import MixedPoolEvaluator\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    assert (
        python(code) == "the evaluator MixedPoolEvaluator needs an optional package: pip install 'clinometer[models]'"
    )


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nobody'"):
        _ = clinometer.integrations.sentence_transformers.Nobody
    assert set(clinometer.integrations.sentence_transformers.__all__) <= set(
        dir(clinometer.integrations.sentence_transformers)
    )


@pytest.mark.parametrize(
    ("measure", "spelled"),
    [
        ("Complete@10", "Complete@10"),
        ("Intrusion(by=own)", "Intrusion-by-own"),
        ("LangShare(lang=zh-Hant)@10", "LangShare-lang-zh-Hant@10"),
        ("LanguageGap(nDCG@10)", "LanguageGap-nDCG@10"),
    ],
)
def test_names_have_no_brackets(measure: str, spelled: str) -> None:
    assert str(parse([measure])[0]) == measure
    assert metric_name("one-sided", "de", measure) == f"one-sided_de_{spelled}"


def test_a_mean_of_one_is_that_one() -> None:
    rows = [row("multi", "en", "MaxRnorm", 64.0), row("multi", "de", "MaxRnorm", 36.0)]
    rows += [row("multi", "macro", "MaxRnorm", 50.0), row("mono-same", "en", "nDCG@10", None)]
    assert metrics_of(rows, "en") == {
        "multi_macro_MaxRnorm": 50.0,
        "multi_macro-target_MaxRnorm": 36.0,
        "multi_macro-pivot_MaxRnorm": 64.0,
        "multi_en_MaxRnorm": 64.0,
        "multi_de_MaxRnorm": 36.0,
    }


def test_the_balance_is_a_geometric_mean_of_both_sides() -> None:
    rows = [row("multi", "macro", "MaxRnorm", 81.0), row("mono-same", "macro", "nDCG@10", 0.36)]
    assert metrics_of(rows, "en")["balance"] == pytest.approx(0.54)
    rows[1]["value"] = 0.0
    assert metrics_of(rows, "en")["balance"] == 0
    assert "balance" not in metrics_of(rows[:1], "en")


def test_figures_are_the_rows_of_an_evaluation() -> None:
    measures = ["nDCG@10", "MaxRnorm", "LanguageGap(MaxRnorm)"]
    evaluation = evaluated(collection(), scenarios=["multi", "mono-same"], measures=measures)
    metrics = metrics_of(evaluation.rows, "en")
    for measure in measures[:2]:
        for who in ("macro", "macro-target", "macro-pivot", "de", "zh"):
            assert metrics[f"multi_{who}_{measure}"] == evaluation.value(measure, "multi", who)
    gap = evaluation.value(measures[2], "multi", "macro-target")
    assert metrics["multi_macro-target_LanguageGap-MaxRnorm"] == gap
    assert "multi_macro_LanguageGap-MaxRnorm" not in metrics
    # English meets two pools in multi, and one in mono-same.
    assert "multi_en_nDCG@10" not in metrics
    assert metrics["mono-same_en_nDCG@10"] == metrics["mono-same_macro-pivot_nDCG@10"]


def test_one_target_language_has_the_same_names() -> None:
    options: dict[str, Any] = {"scenarios": ["multi", "mono-same"], "measures": ["nDCG@10", "LanguageGap(nDCG@10)"]}
    two, three = (
        metrics_of(evaluated(collection(languages=languages), **options).rows, "en")
        for languages in (("en", "de"), ("en", "de", "zh"))
    )
    assert {key for key in three if "_zh_" not in key} <= set(two)
    assert two["multi_macro-target_nDCG@10"] == two["multi_de_nDCG@10"]
    assert two["multi_macro-target_LanguageGap-nDCG@10"] == two["multi_de_LanguageGap-nDCG@10"]


OPTIONS: dict[str, Any] = {
    "scenarios": ["multi", "mono-same"],
    "measures": parse(["Complete@10", "MaxRnorm", "nDCG@10", "MaxR", "RankGap"]),
    "languages": ["en", "de"],
    "corrected": False,
}


def test_keys_of_criteria() -> None:
    assert criterion_key("balance", **OPTIONS) == "balance"
    assert criterion_key("multi/macro-target/comp@10", **OPTIONS) == "multi_macro-target_Complete@10"
    assert criterion_key("mono-same/deu_Latn/nDCG@10", **OPTIONS) == "mono-same_de_nDCG@10"
    assert criterion_key(len, **OPTIONS) == "primary"
    corrected = OPTIONS | {"corrected": True}
    assert criterion_key("corrected/balance", **corrected) == "corrected_balance"
    assert criterion_key("corrected/multi/macro/MaxRnorm", **corrected) == "corrected_multi_macro_MaxRnorm"


@pytest.mark.parametrize(
    ("primary", "changed", "error", "said"),
    [
        ("balance", {"scenarios": ["multi"]}, UsageError, "needs mono-same as well; add it to the scenarios or"),
        ("balance", {"measures": parse(["MaxR"])}, UsageError, "needs MaxRnorm, nDCG@10 as well"),
        ("multi/macro", {}, UsageError, "must be 'balance', scenario/language/measure, such as"),
        (7, {}, UsageError, "primary is 7, but must be a string or a function"),
        (
            "one-sided/macro/MaxRnorm",
            {},
            UsageError,
            "the evaluation has the scenarios multi, mono-same and the measures C",
        ),
        ("multi/macro/AP", {}, UsageError, "the evaluation has the scenarios multi, mono-same and the measures C"),
        ("multi/macro/MaxR", {}, UsageError, "MaxR is better when it is smaller; choose a measure such as MaxRnorm"),
        ("multi/macro/RankGap", {}, UsageError, "RankGap is neither good nor bad when large"),
        ("multi/fr/MaxRnorm", {}, LanguageError, "fr is not one of macro, macro-target, macro-pivot, en, de"),
        ("corrected/balance", {}, UsageError, "but corrected is False; set corrected=True"),
    ],
)
def test_criteria_that_cannot_be_used(primary: Any, changed: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        criterion_key(primary, **(OPTIONS | changed))


def test_a_criterion_must_have_a_value() -> None:
    assert primary_value(lambda metrics: metrics["a"] - 1, {"a": 3.0}, "primary") == 2
    for wrong in (float("nan"), None, True, "1"):
        with pytest.raises(UsageError, match=r"primary returned .* for the metrics, but must return a finite number"):
            primary_value(lambda _, wrong=wrong: wrong, {}, "primary")  # type: ignore[misc]
    with pytest.raises(UsageError, match="multi_en_MaxRnorm is not defined in this collection"):
        primary_value("multi/en/MaxRnorm", {"a": 3.0}, "multi_en_MaxRnorm")


def test_a_sample_has_whole_questions_and_all_documents() -> None:
    whole = collection()
    found = with_questions(whole, 4, seed=3)
    assert found.documents == whole.documents
    assert len(found.queries) == 12
    assert len(set(found.queries.groups)) == 4
    assert {found.queries.groups.count(group) for group in found.queries.groups} == {3}
    for place, query in enumerate(found.queries.ids):
        was = whole.queries.ids.index(query)
        spans = [slice(one.indptr[at], one.indptr[at + 1]) for one, at in ((found, place), (whole, was))]
        assert found.judged[spans[0]].tolist() == whole.judged[spans[1]].tolist()
        assert found.grades[spans[0]].tolist() == [1, 1, 1]
    assert set(found.queries.ids) < set(with_questions(whole, 7, seed=3).queries.ids)
    assert set(found.queries.ids) != set(with_questions(whole, 4, seed=4).queries.ids)
    assert found.digest() == with_questions(whole, 4, seed=3).digest()
    assert (found.notes["questions_sampled"], found.notes["questions_seed"]) == (4, 3)
    assert with_questions(whole, 12) is whole
    assert with_questions(whole, None) is whole
    for wrong in (0, 2.5, True):
        with pytest.raises(UsageError, match="but must be a whole number of 1 or more, or None for all questions"):
            with_questions(whole, wrong)  # type: ignore[arg-type]


def test_a_sample_takes_only_questions_with_an_answer() -> None:
    builder = cm.CollectionBuilder("half")
    builder.add_document("d", "text", "en")
    for number in range(10):
        builder.add_query(f"q{number}", f"ask {number}", "en")
        if number % 2:
            builder.judge(f"q{number}", "d")
    found = with_questions(builder.build(), 4).queries.ids
    assert len(found) == 4
    assert set(found) < {"q1", "q3", "q5", "q7", "q9"}


def test_rows_are_appended_under_one_header(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.csv"
    assert append_row(path, {"epoch": 1, "x": 0.5}) == path
    assert append_row(path, {"epoch": 2, "x": 0.25}) == path
    assert path.read_text() == "epoch,x\n1,0.5\n2,0.25\n"


def test_rows_with_other_columns_go_to_another_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    append_row(path, {"epoch": 1, "x": 0.5})
    for number in (1, 2):
        with pytest.warns(UserWarning, match=r"a.csv has other columns, so this row is written to a-2.csv"):
            assert append_row(path, {"epoch": number, "y": 7}) == tmp_path / "a-2.csv"
    with pytest.warns(UserWarning, match="written to a-3.csv"):
        append_row(path, {"epoch": 1, "z": 7})
    assert path.read_text() == "epoch,x\n1,0.5\n"
    with (tmp_path / "a-2.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["epoch", "y"], ["1", "7"], ["2", "7"]]
