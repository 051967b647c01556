"""The studies of remedies on made embeddings, and their tables against the results in the checkout."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.translated_index import translated_index

import clinometer as cm
from clinometer.collection import CollectionBuilder
from clinometer.encoders import PrecomputedEncoder
from clinometer.statistics.resampling import Resamples
from clinometer.statistics.significance import permutation_test

measure: Any = importlib.import_module("studies.remedies.all")
stacks: Any = importlib.import_module("studies.remedies.stacks")
strengths: Any = importlib.import_module("studies.remedies.strengths")
advice: Any = importlib.import_module("studies.remedies.advice")
harm: Any = importlib.import_module("studies.remedies.page_harm")
own_first: Any = importlib.import_module("studies.remedies.own_first")
veto: Any = importlib.import_module("studies.remedies.veto")
page: Any = importlib.import_module("studies.remedies.page")
words: Any = importlib.import_module("studies.remedies.words")
sources: Any = importlib.import_module("studies.sources")

SIZE = 80


@pytest.fixture(scope="module")
def state() -> Any:
    """Documents in three languages, all translated, and a noisy version of each as its query."""
    index = translated_index({"en": SIZE, "de": SIZE, "zh": SIZE}, seed=4)
    draw = np.random.default_rng(5)
    builder = CollectionBuilder("made")
    for row, (label, group) in enumerate(zip(index.languages, index.groups, strict=True)):
        text = f"About {group} in {label}. " + f"What else there is to say of {group} in {label}, at length. " * 2
        builder.add_document(f"d{row}", text, label, group=group)
        builder.add_query(f"q{row}", f"What of {group} in {label}?", label, group=group)
        for other, other_group in enumerate(index.groups):
            if other_group == group:
                builder.judge(f"q{row}", f"d{other}")
    q = (index.rows + 1.5 * draw.normal(size=index.rows.shape)).astype(np.float32)
    return stacks.State(builder.build(), q, index.rows, "multilingual-e5-small", Path("nowhere"))


@pytest.fixture(scope="module")
def lines(state: Any) -> dict[str, Any]:
    # What is fitted on other texts needs these, and the embeddings of a trained model are not there.
    chosen = [remedy for remedy in stacks.REMEDIES if remedy.needs in ("", stacks.OWN) or remedy.vectors]
    return {line["remedy"]: line for line in measure.measured(chosen, state)}


def complete(line: Any, questions: str = "target") -> float:
    return float(line[questions]["Complete@10 multi"][0])


def test_lines_are_evaluations_of_the_embeddings_after_the_steps(state: Any, lines: dict[str, Any]) -> None:
    center = stacks.center(state)
    languages = state.collection.queries.languages, state.collection.documents.languages
    vectors = center.apply_queries(state.q, languages[0]), center.apply(state.d, languages[1])
    evaluation = cm.evaluate(
        state.collection, PrecomputedEncoder(*vectors), scenarios=["multi"], measures=["Complete@10"],
        resamples=0,
    )  # fmt: skip
    assert complete(lines["center"]) == pytest.approx(evaluation.value("Complete@10", "multi", "macro-target"))
    assert complete(lines["center"]) > complete(lines["nothing"]) + 5
    assert complete(lines["center, turn"]) > complete(lines["center"])


def test_own_first_changes_nothing_within_a_language(state: Any, lines: dict[str, Any]) -> None:
    for name in ("center", "center, turn", "center, turn, feedback"):
        line = lines[f"{name}, own first"]
        assert {one["change"] for one in line["mono-same"].values()} == {0.0}
        assert any(one["change"] for one in lines[name]["mono-same"].values())
        assert line["cost"]["searches"] == lines[name]["cost"]["searches"] + 1
        assert line["cost"]["length"] == 2
    tried = {(line["stack"], line["kept"]): line for line in own_first.lines_of(state)}
    for kept in ("first place", "whole order"):
        assert tried["center", kept]["mono-same"] == 0.0
    whole, none = (tried["center, turn", kept]["Complete@10"] for kept in ("whole order", "nothing"))
    assert whole < none
    assert tried["center", "first place"]["Complete@10"] == pytest.approx(complete(lines["center, own first"]))


def test_scores_are_handed_out_in_the_order_before() -> None:
    builder = CollectionBuilder("by hand")
    for name in ("de0", "en0", "de1", "de2"):
        builder.add_document(name, name, name[:2])
    builder.add_query("q", "q", "de")
    builder.judge("q", "de0")
    scores, before = np.array([[3.0, 9.0, 1.0, 2.0]]), np.array([[0.1, 0.9, 0.3, 0.2]])
    moved = own_first.in_the_order_before(scores, before, builder.build())
    np.testing.assert_array_equal(moved, [[1.0, 9.0, 3.0, 2.0]])


def test_a_remedy_without_effect_is_left_out_less_often_than_by_the_fall_alone() -> None:
    differences = np.array([[-1, 0], [1, -1], [-1, -1], [-1, 0], [0, -1], [-1, -1]], dtype=np.float64)
    by_signs = permutation_test(np.zeros_like(differences), differences, Resamples(20_000))
    np.testing.assert_allclose(veto.p_values(differences), by_signs, atol=0.02)
    harmless, harmful = (veto.line_of(200, change) for change in (0.0, -0.1))
    assert harmless["by_point"] < 0.6 < 0.85 < harmless["hardly_chance"]
    assert harmful["hardly_chance"] < 0.05
    assert harmless["stated"] > veto.TOLERANCE


def test_feedback_changes_no_first_place_and_what_cannot_be_made_says_why(lines: dict[str, Any]) -> None:
    for name in ("nothing", "center", "center, turn"):
        after = "feedback" if name == "nothing" else f"{name}, feedback"
        assert lines[after]["mono-same"] == lines[name]["mono-same"]
        assert lines[after]["target"]["nDCG@1 multi"] == lines[name]["target"]["nDCG@1 multi"]
        assert lines[after]["cost"]["searches"] == 2
    assert {one["change"] for one in lines["nothing"]["mono-same"].values()} == {0.0}
    left_out = {name for name, line in lines.items() if "why_not" in line}
    assert left_out == {name for name in lines if name.startswith("trained upper layers")}
    assert "Not measured here: trained upper layers; " in "\n".join(page.tables_of([*lines.values()], {}))


def test_tests_are_paired_with_centering(lines: dict[str, Any]) -> None:
    assert lines["center"]["against_center"] is None
    for name, line in lines.items():
        if name != "center" and "why_not" not in line:
            for questions in ("target", "pivot"):
                value, low, high, p = line["against_center"][f"{questions} Complete@10"]
                assert value == pytest.approx(
                    complete(line, questions) - complete(lines["center"], questions), abs=1e-4
                )
                assert low <= value <= high
                assert 0 < p <= 1
    assert lines["nothing"]["against_center"]["target Complete@10"][3] < 0.05


def test_scores_alone_keep_the_order_within_a_language(state: Any) -> None:
    base = strengths.evaluated(state.collection, state.q, state.d)
    after = strengths.evaluated(state.collection, *strengths.unscaled(state, 0.0))
    changes = strengths.figures(after, base)["mono-same"]
    assert {one["change"] for one in changes.values()} == {0.0}
    assert after.value("Complete@10", "multi", "macro-target") > base.value("Complete@10", "multi", "macro-target")


def test_a_strength_by_language_leaves_far_means_as_they_are(state: Any) -> None:
    before, after = stacks.center(state), strengths.by_language(state)
    shares = np.linalg.norm(after.arrays["document_offsets"], axis=1) / np.linalg.norm(
        before.arrays["document_offsets"], axis=1
    )
    assert shares.max() == pytest.approx(1)
    assert (shares > 0).all()


def test_the_choice_of_a_strength_costs_at_most_half_a_point() -> None:
    def line(encoder: str, setting: str, complete: float, own: float) -> dict[str, Any]:
        changes = {"de": {"change": own, "error": 0.01}}
        name = {"collection": "tico19", "encoder": encoder, "setting": setting}
        return {**name, "Complete@10": complete, "stack": complete, "mono-same": changes}

    made = [
        line(encoder, setting, 50 - (number == 2) * (encoder == "offline"), 0.001 * number)
        for encoder in ("offline", "other")
        for number, setting in enumerate(strengths.SETTINGS)
        if number < 3
    ]
    made += [line(encoder, name, 40, 1) for encoder in ("offline", "other") for name in [*strengths.SETTINGS][3:]]
    assert strengths.chosen(made) == [*strengths.SETTINGS][1]


def test_shares_of_words_are_counted_in_the_own_language_and_carried_to_translations() -> None:
    found = words.shares(
        ["red harbour", "green", "unheard"], ["the red harbour", "a red house", "green tree, green leaf"]
    )
    assert found.shape == (3, 3)
    assert 1 > found[0, 0] > found[0, 1] > 0 == found[0, 2]
    assert found[1].argmax() == 2
    assert not found[2].any()
    everywhere = words.carried(found, np.array([1, 2, 4]), {1: [0, 3], 4: [3]}, 5)
    np.testing.assert_array_equal(everywhere[:, [1, 2, 4]], found)
    np.testing.assert_array_equal(everywhere[:, 0], found[:, 0])
    np.testing.assert_array_equal(everywhere[:, 3], found[:, [0, 2]].max(axis=1))


def test_pieces_are_runs_of_four_characters_of_longer_words() -> None:
    assert words.with_pieces("Hafen am 港口") == ["hafen", "am", "港口", " haf", "hafe", "afen", "fen "]
    found = words.shares(["Häfen"], ["der Hafenmeister", "die Häfens", "ein Boot"], words.with_pieces)[0]
    assert found[1] > 0
    assert not words.shares(["Häfen"], ["der Hafenmeister", "die Häfens", "ein Boot"]).any()


def test_words_raise_an_answer_and_its_translation(state: Any) -> None:
    none, carried, alone = words.lines_of("demo", state, ["words at 0.4"], ["words at 0.4"])
    assert carried["Complete@10"] > none["Complete@10"]
    assert carried["Complete@10"] > alone["Complete@10"]
    assert words.mean_change(carried) > words.mean_change(none)


def test_the_choice_of_a_weight_of_words_lowers_no_collection() -> None:
    def line(name: str, place: int, own: float) -> dict[str, Any]:
        changes = {"de": {"change": own, "error": 0.01}}
        setting = [words.NONE, *words.SETTINGS][place]
        return {"collection": name, "setting": setting, "Complete@10": 50 + place, "mono-same": changes}

    places = range(len(words.SETTINGS) + 1)
    made = [line("tico19", place, place) for place in places]
    made += [line("demo", place, 0.01 if place < 4 else -0.01) for place in places]
    assert words.chosen(made) == words.SETTINGS[2]


@pytest.fixture(scope="module")
def remembered(state: Any) -> Any:
    draw = np.random.default_rng(6)
    documents, queries = state.collection.documents, state.collection.queries
    cut = advice.headed("made", documents)
    known = {
        "queries": dict(zip(queries.texts, state.q, strict=True)),
        "documents": dict(zip(documents.texts, state.d, strict=True)),
    }
    noisy = state.d + 0.6 * draw.normal(size=state.d.shape).astype(np.float32)
    known["queries"] |= dict(zip(cut.queries.texts, noisy, strict=True))
    known["documents"] |= dict(zip(cut.documents.texts, state.d, strict=True))
    return advice.Remembered("made", known)


@pytest.mark.parametrize(("judged", "kind"), [(0, "heads"), (100, "judgements")])
def test_the_advice_is_measured_on_questions_that_it_did_not_see(
    state: Any, remembered: Any, judged: int, kind: str
) -> None:
    line = advice.measured(state, remembered, judged, seed=1)
    assert line["kind"] == kind
    assert line["remedy"].startswith("center")
    assert line["effect"]["Complete@10"] > 5
    seen, others = advice.drawn(state.collection, judged, 1)
    assert line["effect"]["queries"] == len(others)
    groups = np.array(state.collection.queries.groups)
    assert not set(groups[seen]) & set(groups[others])
    assert set(groups[seen]) | set(groups[others]) == set(groups)
    text = "\n".join(harm.advice_table([{**line, "source": "xquad"}]))
    assert f"{line['remedy']} (1 of 1)" in text


def test_languages_that_lose_by_either_bound() -> None:
    changes = {
        "de": {"change": -0.008, "error": 0.004}, "hi": {"change": -0.006, "error": 0.007},
        "ru": {"change": -0.003, "error": 0.002}, "zh": {"change": -0.005, "error": 0.01},
        "en": {"change": 0.01, "error": 0.01},
    }  # fmt: skip
    assert harm.lower(changes, by_error=False) == ["de", "hi"]
    assert harm.lower(changes, by_error=True) == ["de", "ru"]
    assert harm.named(["de", "hi"], changes) == "de −0.8 ± 0.4, hi −0.6 ± 0.7"
    assert harm.named([], changes) == "none"


def test_recorded_models_have_no_invented_figures() -> None:
    line = page.as_recorded("trained", {
        "means": {"Complete@10": [91.4, 43.1, 0.001], "en": [95.0, None, None], "nDCG@1": [0.887, None, None]},
        "languages": {"de": {"nDCG@1 mono-same": [0.9, -0.016, 0.2]}, "en": {"nDCG@1 mono-same": [0.9, 0.002, 0.2]}},
    })  # fmt: skip
    cells = {head: cell(line) for head, cell in [*page.columns("target")[0], *page.columns("target")[1]]}
    assert cells["Complete@10"] == "91.4"
    assert cells["worst language"] == "de −1.6"
    for head in ("against `center`", "Reachable@10", "one-sided nDCG@1", "LPR"):
        assert cells[head] == page.NOT_MEASURED


def test_the_page_shows_the_results() -> None:
    text = (sources.DOCS / "which-remedy.md").read_text(encoding="utf-8")
    for name, block in page.blocks().items():
        assert f"<!-- begin: {name} -->\n{block}<!-- end: {name} -->" in text, "run python -m studies.remedies.page"
    readme = (sources.ROOT / "README.md").read_text(encoding="utf-8")
    assert f"<!-- begin: remedies -->\n{page.short(page.results())}<!-- end: remedies -->" in readme
