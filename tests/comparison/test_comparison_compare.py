"""Comparisons: hand-worked rows, questions drawn and permuted together, results that do not belong together."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.brute_force import embeddings, random_collection

import clinometer as cm
from clinometer import Evaluation
from clinometer.comparison import Comparison, compare
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import LanguageError, MeasureError, UsageError
from clinometer.statistics.resampling import BootstrapMeans, Resamples

NAN = float("nan")
FIELDS = ["scenario", "query_language", "pool_languages", "measure", "before", "after", "difference", "ci_low",
          "ci_high", "p", "p_adjusted", "effect", "better", "worse", "equal", "queries", "lower_is_better", "improved",
          "encoder"]  # fmt: skip
Cells = dict[tuple[str, str, str], dict[str, list[float]]]
"""Values by (scenario, query language, pool), then measure; one for each question 0, 1, 2, ..."""


def made(cells: Cells, name: str = "model", **settings: Any) -> Evaluation:
    """An evaluation with these values per query; query `de-1` asks question 1 in German."""
    names = list(dict.fromkeys(name for values in cells.values() for name in values))
    columns: dict[str, list[Any]] = {key: [] for key in ("query_id", "query_language", "scenario", "pool_languages",
                                                         "question", "cluster", *names)}  # fmt: skip
    for (scenario, language, pool), values in cells.items():
        size = len(next(iter(values.values())))
        for question in range(size):
            columns["query_id"].append(f"{language}-{question}")
            columns["query_language"].append(language)
            columns["scenario"].append(scenario)
            columns["pool_languages"].append(pool)
            columns["question"].append(question)
            columns["cluster"].append(question)
            for one in names:
                columns[one].append(values[one][question] if one in values else NAN)
    table: dict[str, NDArray[Any]] = {key: np.array(column) for key, column in columns.items()}
    languages = list(dict.fromkeys(language for _, language, _ in cells))
    collection = {
        "name": "made",
        "languages": languages,
        "documents": {},
        "queries": {},
        "judgements": 8,
        "digest": "d",
    }
    return Evaluation(
        collection, {"name": name}, {"pivot": "en", "ties": "index", "measures": names} | settings, [], per_query=table
    )


MULTI = {"en": ("multi", "en", "en+de"), "de": ("multi", "de", "en+de")}


def pair(measure: str, en: tuple[list[float], list[float]], de: tuple[list[float], list[float]]) -> list[Evaluation]:
    return [
        made({MULTI["en"]: {measure: en[at]}, MULTI["de"]: {measure: de[at]}}, name) for at, name in enumerate("ab")
    ]


def found(comparison: Comparison, language: str, *names: str) -> list[Any]:
    (row,) = (row for row in comparison.rows if row["query_language"] == language)
    return [row[name] for name in names]


def test_rows_by_hand() -> None:
    before, after = pair("nDCG@1", ([1, 0, 0, 0], [1, 1, 1, 0]), ([0, 0, 1, 0], [1, 0, 0, 0]))
    comparison = compare(before, after)
    assert [row["query_language"] for row in comparison.rows] == ["macro", "en", "de"]
    assert all(list(row) != [] and set(row) == set(FIELDS) for row in comparison.rows)
    wanted = ("before", "after", "difference", "better", "worse", "equal", "queries", "lower_is_better", "improved")
    assert found(comparison, "en", *wanted) == [0.25, 0.75, 0.5, 2, 0, 2, 4, False, True]
    assert found(comparison, "de", *wanted) == [0.25, 0.25, 0.0, 1, 1, 2, 4, False, None]
    assert found(comparison, "macro", *wanted) == [0.25, 0.5, 0.25, 3, 1, 4, 8, False, True]
    assert found(comparison, "macro", "pool_languages", "encoder", "scenario") == [["*"], "b", "multi"]
    # By question: 1/2, 1/2, 0, 0.
    assert found(comparison, "macro", "effect")[0] == pytest.approx(0.25 / np.sqrt(4 * 0.25**2 / 3))


def test_a_question_has_one_sign_in_all_languages() -> None:
    rng = np.random.default_rng(2)
    before, after = (rng.random((2, 9)) for _ in range(2))
    evaluations = [
        made({MULTI["en"]: {"RR": values[0].tolist()}, MULTI["de"]: {"RR": values[1].tolist()}})
        for values in (before, after)
    ]
    comparison = compare(*evaluations, resamples=40_000, correction="none")
    signs = np.array(list(product([1, -1], repeat=9)))
    difference = after - before
    for language, values in (("macro", difference.mean(axis=0)), ("en", difference[0]), ("de", difference[1])):
        exact = np.mean(np.abs(signs @ values) >= abs(values.sum()) - 1e-12)
        p, adjusted = found(comparison, language, "p", "p_adjusted")
        assert p == adjusted == pytest.approx(exact, abs=4 * np.sqrt(0.25 / 40_000))


def test_the_mean_over_languages_is_tested_where_some_values_are_missing() -> None:
    """A language with few values has the same weight as the others, so each of its values has more."""
    first, second = [0.4, 0.1, -0.3, 0.2, 0.3, 0.1, -0.2], [0.6, NAN, NAN, -0.5, NAN, 0.9, NAN]
    zeros = [0.0] * 7
    comparison = compare(*pair("RR", (zeros, first), (zeros, second)), resamples=40_000, correction="none")
    shares = np.array(first) / 7 / 2 + np.nan_to_num(np.array(second)) / 3 / 2
    signs = np.array(list(product([1, -1], repeat=7)))
    exact = np.mean(np.abs(signs @ shares) >= abs(shares.sum()) - 1e-12)
    difference, p = found(comparison, "macro", "difference", "p")
    assert difference == pytest.approx(shares.sum())
    assert p == pytest.approx(exact, abs=4 * np.sqrt(0.25 / 40_000))


def test_the_order_of_queries_does_not_show(real: list[Evaluation]) -> None:
    order = np.random.default_rng(0).permutation(len(real[1].per_query["query_id"]))
    shuffled = replace(real[1], per_query={name: column[order] for name, column in real[1].per_query.items()})
    assert compare(real[0], shuffled, resamples=20).rows == compare(*real, resamples=20).rows


def test_translations_that_agree_count_once() -> None:
    """The same answers in a second language are no further evidence, and no narrower interval."""
    values = ([0.1, 0.5, 0.3, 0.9, 0.2, 0.4], [0.3, 0.6, 0.1, 1.0, 0.6, 0.5])
    comparison = compare(*pair("RR", values, values), resamples=500, correction="none")
    names = ("before", "after", "difference", "ci_low", "ci_high", "p", "effect")
    assert found(comparison, "macro", *names) == pytest.approx(found(comparison, "en", *names), rel=1e-12)
    assert found(comparison, "macro", "queries") == [12]


def test_undefined_pairs_are_left_out_and_counted() -> None:
    before, after = pair("RR", ([0.5, NAN, 1.0], [1.0, 0.2, NAN]), ([0.5, 0.5, 0.5], [1, 1, 1]))
    comparison = compare(before, after)
    assert found(comparison, "en", "before", "after", "queries") == [0.5, 1.0, 1]
    assert found(comparison, "macro", "difference", "queries") == [0.5, 4]
    assert comparison.notices == ["b: 2 values of RR are defined in only one of the two results and are left out"]


@pytest.mark.parametrize(
    ("measure", "lower", "counts", "improved"),
    [
        ("MaxR", True, (1, 2, 1), False),
        ("RankGap", None, (2, 1, 1), True),
        ("LangShare@10", None, (None, None, 1), None),
        ("PivotFirst", None, (None, None, 1), None),
    ],
)
def test_directions(measure: str, lower: bool | None, counts: tuple[Any, ...], improved: bool | None) -> None:
    # Higher, higher and nearer 0, lower and nearer 0, equal; the mean moves from -1/4 to 1/8.
    values = ([2.0, -4.0, 1.0, 0.0], [3.0, -3.0, 0.5, 0.0])
    before, after = pair(measure, values, values)
    comparison = compare(before, after)
    assert found(comparison, "en", "difference", "lower_is_better") == [0.375, lower]
    assert tuple(found(comparison, "en", "better", "worse", "equal")) == counts
    assert found(comparison, "en", "improved") == [improved]


def test_intervals_are_those_of_the_differences() -> None:
    rng = np.random.default_rng(5)
    before, after = rng.random((2, 8, 2))
    cells = [
        made({MULTI["en"]: {"RR": v[:, 0].tolist()}, MULTI["de"]: {"RR": v[:, 1].tolist()}}) for v in (before, after)
    ]
    comparison = compare(*cells, resamples=300, confidence=0.8, seed=9)
    sampled = BootstrapMeans.of(after - before, Resamples(300, confidence=0.8, seed=9), ranges=[(-1.0, 1.0)] * 2)
    for language, columns in (("macro", [0, 1]), ("en", [0]), ("de", [1])):
        wanted = sampled.mean(columns)
        assert found(comparison, language, "difference", "ci_low", "ci_high") == pytest.approx(
            [wanted.value, wanted.low, wanted.high]
        )


def test_language_gaps() -> None:
    before, after = pair("MaxRnorm", ([90, 80], [90, 90]), ([50, 60], [80, 90]))
    for evaluation in (before, after):
        evaluation.settings["measures"] = ["LanguageGap(MaxRnorm)"]
    comparison = compare(before, after, measures=["LanguageGap(MaxRnorm)"], resamples=200, confidence=0.9)
    (row,) = comparison.rows
    assert (row["query_language"], row["measure"]) == ("de", "LanguageGap(MaxRnorm)")
    assert [row[name] for name in ("before", "after", "difference", "lower_is_better", "improved", "queries")] == [
        30, 5, -25, True, True, 2
    ]  # fmt: skip
    # Two questions say little, but a gap of percentages cannot change by more than 100 points.
    assert -100 <= row["ci_low"] < -25 < row["ci_high"] <= 100
    assert {row[name] for name in ("p", "p_adjusted", "effect", "better", "worse", "equal")} == {None}


def three(shift: float, name: str, gap: bool = False) -> Evaluation:
    cells: Cells = {}
    for number, language in enumerate(("de", "th", "zh")):
        base = [0.1 * number, 0.2, 0.3, 0.5]
        cells["multi", "en", f"en+{language}"] = {"RR": [value + 2 * shift for value in base]}
        cells["multi", language, f"en+{language}"] = {"RR": [value + shift * (number + 1) for value in base]}
    evaluation = made(cells, name)
    if gap:
        evaluation.settings["measures"].append("LanguageGap(RR)")
    return evaluation


def test_means_over_sides_and_groups() -> None:
    comparison = compare(
        three(0, "a", True), three(0.1, "b", True), groups={"trained": ["de", "zho_Hans"], "unseen": ["th"]}
    )
    means = {
        row["query_language"]: row
        for row in comparison.rows
        if row["pool_languages"] == ["*"] and row["measure"] == "RR"
    }
    shifts = {"macro": 0.2, "macro-target": 0.2, "macro-pivot": 0.2, "trained": 0.2, "unseen": 0.2}
    assert {name: pytest.approx(row["difference"]) for name, row in means.items()} == shifts
    assert {name: row["queries"] for name, row in means.items()} == {
        "macro": 24, "macro-target": 12, "macro-pivot": 12, "trained": 8, "unseen": 4
    }  # fmt: skip
    assert means["trained"]["before"] == pytest.approx((0.25 + 0.3) / 2)
    assert means["unseen"]["before"] == pytest.approx(1.1 / 4)
    assert comparison.settings["groups"] == {"trained": ["de", "zh"], "unseen": ["th"]}
    gaps = {row["query_language"]: row["after"] for row in comparison.rows if row["measure"] == "LanguageGap(RR)"}
    assert gaps == pytest.approx({"macro-target": 0.2 / 3, "trained": 0.1, "unseen": 0, "de": 0.1, "th": 0, "zh": 0.1})


def test_corrections_keep_to_their_families() -> None:
    before, others = three(0, "a"), [three(0.1, "b"), three(-0.05, "c")]
    for correction in ("holm", "bh", "none"):
        comparison = compare(before, *others, correction=correction, resamples=200)
        means = [row for row in comparison.rows if row["pool_languages"] == ["*"]]
        single = [row for row in comparison.rows if row["pool_languages"] != ["*"]]
        assert (len(means), len(single)) == (6, 12)
        for family in (means, single):
            # Every difference is the same for all four questions: 2 of 16 sign patterns.
            assert {round(row["p"], 1) for row in family} == {0.1}
            p = sorted(row["p"] for row in family)
            if correction == "holm":
                assert min(row["p_adjusted"] for row in family) == pytest.approx(min(1, p[0] * len(p)))
            elif correction == "bh":
                assert max(row["p_adjusted"] for row in family) == pytest.approx(p[-1])
            else:
                assert [row["p_adjusted"] for row in family] == [row["p"] for row in family]


def test_harm() -> None:
    def mono(*values: float) -> Evaluation:
        labels = ("en", "de", "th", "zh")
        return made({("mono-same", a, a): {"nDCG@1": [v, v]} for a, v in zip(labels, values, strict=True)}, str(values))

    comparison = compare(mono(0.9, 0.8, 0.7, 0.6), mono(0.9, 0.795, 0.69, 0.57), groups={"odd": ["th", "zh"]})
    assert [row["query_language"] for row in comparison.harmed() or ()] == ["zh", "th"]
    assert [row["query_language"] for row in comparison.harmed(tolerance=0.004) or ()] == ["zh", "th", "de"]
    assert comparison.harmed(tolerance=0.1) == []
    assert comparison.harmed(scenario="multi") is None


@pytest.fixture(scope="module")
def real() -> list[Evaluation]:
    collection = random_collection(11)
    encoders = [
        PrecomputedEncoder(
            embeddings(seed, len(collection.queries), 4, False), embeddings(2, len(collection.documents), 4, False)
        )
        for seed in (1, 5)
    ]
    # Every document is relevant to many queries here, so they would be one cluster.
    return [cm.evaluate(collection, encoder, resamples=50, resample="question") for encoder in encoders]


def test_before_and_after_are_the_rows_of_the_evaluations(real: list[Evaluation]) -> None:
    comparison = compare(*real, resamples=100, resample="question")
    assert comparison.labels == ["precomputed #1", "precomputed #2"]
    values = [
        {(r["scenario"], r["query_language"], *r["pool_languages"], r["measure"]): r for r in evaluation.rows}
        for evaluation in real
    ]
    checked = 0
    for row in comparison.rows:
        key = (row["scenario"], row["query_language"], *row["pool_languages"], row["measure"])
        ends = [rows.get(key) for rows in values]
        if all(end is not None and end["queries"] == row["queries"] for end in ends):
            assert [row["before"], row["after"]] == pytest.approx([end["value"] for end in ends if end])
            assert row["difference"] == pytest.approx(row["after"] - row["before"])
            # One question alone has no interval, and there are two of them.
            assert row["ci_low"] is None or row["ci_low"] <= row["difference"] <= row["ci_high"]
            checked += 1
    assert sum(row["ci_low"] is not None for row in comparison.rows) > 50
    assert checked > 0.8 * len(values[0])


def test_threads_do_not_show(real: list[Evaluation]) -> None:
    one, *others = (
        compare(*real, resamples=60, resample="question", threads=threads).to_json() for threads in (1, 2, 5, None)
    )
    assert others == [one] * 3


def test_saved_results_compare_as_fresh_ones(real: list[Evaluation], tmp_path: Any) -> None:
    folders = [tmp_path / name for name in "ab"]
    for folder, evaluation in zip(folders, real, strict=True):
        folder.mkdir()
        evaluation.to_json(folder / "results.json")
        evaluation.per_query_to(folder / "per_query.jsonl.gz")
    saved = compare(*map(Evaluation.from_folder, folders), resamples=20)
    assert saved.to_json() == compare(*real, resamples=20).to_json(tmp_path / "c.json")
    assert (tmp_path / "c.json").read_text(encoding="utf-8") == saved.to_json()


def test_nothing_changes_against_itself(real: list[Evaluation]) -> None:
    comparison = compare(real[0], real[0], resamples=20, resample="question")
    assert {(row["difference"], row["improved"]) for row in comparison.rows} == {(0.0, None)}
    # That no question changed does not show that none can.
    assert all(row["ci_low"] is None or row["ci_low"] == -row["ci_high"] < 0 for row in comparison.rows)
    assert {row["p"] for row in comparison.rows} == {1.0, None}
    assert {row["better"] for row in comparison.rows} <= {0, None}


def test_a_choice_of_scenarios_and_measures(real: list[Evaluation]) -> None:
    comparison = compare(*real, scenarios=["mono-same"], measures=["ndcg_cut_1", "Max@R"], resamples=5)
    assert {(row["scenario"], row["measure"]) for row in comparison.rows} == {
        ("mono-same", "nDCG@1"), ("mono-same", "MaxR")
    }  # fmt: skip


def without(evaluation: Evaluation, **changes: Any) -> Evaluation:
    return replace(evaluation, collection=evaluation.collection | changes)


def base() -> Evaluation:
    return made({MULTI["en"]: {"RR": [1, 0]}, MULTI["de"]: {"RR": [0, 1]}}, "b")


def test_results_of_different_collections_are_refused() -> None:
    before = base()
    for changes, sentence in (
        ({"name": "other", "digest": "e"}, "a and b are .* different collections: name made and other; compare"),
        ({"languages": ["en", "zh"], "digest": "e"}, "languages en, de and en, zh"),
        ({"queries": {"en": 3}, "digest": None}, "queries  and en 3"),
        ({"digest": "e"}, "collections of equal size with different texts or judgements"),
    ):
        with pytest.raises(UsageError, match=sentence):
            compare(before, without(base(), **changes), labels=["a", "b"])
    # The same texts under another name are the same collection.
    assert compare(before, without(base(), name="renamed"), resamples=2).rows


def test_results_with_other_settings_are_refused() -> None:
    for setting, value, sentence in (
        ("pivot", "de", r"different pivot \(en and de\); evaluate both with the same --pivot"),
        ("ties", "trec", r"different ties \(index and trec\); evaluate both with the same --ties"),
        (
            "query_set",
            "listed",
            r"different query_set \(answered and listed\); evaluate both with the same --query-set",
        ),
    ):
        with pytest.raises(UsageError, match=sentence):
            compare(base(), replace(base(), settings=base().settings | {setting: value}))


def test_other_queries_are_refused() -> None:
    def changed(column: str, at: int, value: Any) -> Evaluation:
        other = base()
        values = other.per_query[column].astype(object)
        values[at] = value
        return replace(other, per_query=other.per_query | {column: values.astype(other.per_query[column].dtype)})

    with pytest.raises(
        UsageError, match=r"different queries in multi, de queries, pool en\+de: 2 are .* such as 'de-1'"
    ):
        compare(base(), changed("query_id", 3, "de-9"))
    with pytest.raises(UsageError, match="b #2 has a query twice in multi, de queries"):
        compare(base(), changed("query_id", 3, "de-0"))
    with pytest.raises(UsageError, match="which queries are translations of each other in multi, de"):
        compare(base(), changed("question", 3, 7))
    with pytest.raises(UsageError, match="have no setting in common"):
        compare(base(), replace(base(), per_query=base().per_query | {"scenario": np.array(["one-sided"] * 4)}))


def test_settings_and_measures_of_one_result_only_are_counted() -> None:
    before = made({MULTI["en"]: {"RR": [1, 0], "P@1": [1, 0]}, MULTI["de"]: {"RR": [0, 1], "P@1": [1, 1]}}, "a")
    after = made({MULTI["de"]: {"RR": [1, 1]}, ("mono-same", "de", "de"): {"RR": [1, 1]}}, "b")
    after = replace(after, collection=before.collection)
    comparison = compare(before, after, resamples=2)
    assert [(row["query_language"], row["measure"]) for row in comparison.rows] == [("de", "RR")]
    assert comparison.notices == [
        "b: 2 settings are in only one of the two results and are left out",
        "b: only one of the two results has P@1; left out",
    ]
    with pytest.raises(UsageError, match=r"one of the results has no measure P@1; expected one of RR$"):
        compare(before, after, measures=["P@1"])


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"correction": "bonferroni"}, UsageError, "unknown correction 'bonferroni'; expected one of holm, bh, none"),
        ({"resamples": 0}, UsageError, "resamples is 0"),
        ({"confidence": 1.5}, UsageError, r"confidence is 1\.5"),
        ({"seed": -1}, UsageError, "seed is -1"),
        ({"threads": 0}, UsageError, "threads is 0"),
        ({"measures": ["RRR"]}, MeasureError, "'RRR'"),
        ({"measures": ["AP"]}, UsageError, "the results have no measure AP; expected one of RR"),
        ({"measures": []}, UsageError, "no measure given"),
        ({"scenarios": ["mono-same"]}, UsageError, "no scenario mono-same; expected one of multi"),
        ({"groups": {"seen": ["de", "fr"]}}, LanguageError, "no language fr of group 'seen'; expected one of en, de"),
        ({"groups": {"seen": "de"}}, UsageError, r"group 'seen' is the string 'de'; write a list, such as \['de'\]"),
        ({"groups": {"seen": []}}, UsageError, "group 'seen' has no languages"),
        ({"groups": {"macro": ["de"]}}, UsageError, "'macro' is reserved and cannot name a group"),
        ({"groups": {"de": ["de"]}}, UsageError, "'de' is reserved and cannot name a group"),
        ({"labels": ["x"]}, UsageError, "labels are x for 2 results"),
        ({"labels": ["x", "x"]}, UsageError, "give each result a label of its own"),
    ],
)
def test_options_are_checked(options: dict[str, Any], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        compare(base(), base(), **options)


def test_results_that_cannot_be_compared() -> None:
    with pytest.raises(UsageError, match="a comparison needs at least two evaluations"):
        compare(base())
    with pytest.raises(UsageError, match=r"the results of b #2 have no values per query; read them with .*from_folder"):
        compare(base(), replace(base(), per_query={}))
    old = base()
    del old.per_query["question"]
    with pytest.raises(UsageError, match="the values per query of b #1 have no question; evaluate again"):
        compare(old, base())
