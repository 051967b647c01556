"""Own first: what comes first in the query's language without remedies, by hand and by full sorts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.judged_topics import judged_topics

import clinometer as cm
from clinometer.correction import CorrectedEncoder, fit
from clinometer.correction.feedback import fed_back
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import UsageError
from clinometer.scenarios import Setting, settings_of
from clinometer.scorers import MatrixScorer

LANGUAGES = ("en", "de", "zh")
TOPICS = 8
SCENARIOS = ("mono-same", "mono-cross", "multi", "one-sided", "multilingual")
MEASURES = [
    "Complete@3", "nDCG@1", "nDCG@10", "RR", "RankGap", "Intrusion", "Intrusion(by=own)", "LangShare@3", "Judged@3",
    "LPR",
]  # fmt: skip


# The documents of topic 6 repeat those of topic 5.
COLLECTION = judged_topics("own first", LANGUAGES, TOPICS, copies={6: 5})
SIZES = len(COLLECTION.queries), len(COLLECTION.documents)


def related(query: int) -> list[int]:
    """The relevant documents of a query and their copies."""
    span = slice(COLLECTION.indptr[query], COLLECTION.indptr[query + 1])
    answers = COLLECTION.judged[span][COLLECTION.grades[span] >= 1]
    texts = COLLECTION.documents.texts
    return [row for row in range(len(texts)) if any(texts[row] == texts[answer] for answer in answers.tolist())]


def moved(scores: Any, before: Any, setting: Setting, *, trec: bool = False, excluded: bool = False) -> NDArray[Any]:
    """Scores in a setting's pool by definition: full sorts, and one document raised above the best of its language."""
    languages, ids = np.array(COLLECTION.documents.languages), np.array(COLLECTION.documents.ids)
    place = np.argsort(np.argsort(ids)[::-1]) if trec else np.arange(len(ids))
    result: NDArray[Any] = scores.astype(np.float32)
    for query, label in enumerate(COLLECTION.queries.languages):
        own = languages == label
        if setting.removed == label:
            own[related(query)] = False
        if excluded:
            own &= ids != COLLECTION.queries.ids[query]
        if label == setting.query_language and label in setting.pool and own.any():
            first, best = (
                next(row for row in np.lexsort((place, -side[query])).tolist() if own[row]) for side in (before, scores)
            )
            if first != best and scores[query, best] > -np.inf:
                result[query, first] = np.nextafter(result[query, best], np.float32(np.inf))
    return result


def rows_of(evaluation: cm.Evaluation, setting: Setting) -> dict[str, NDArray[Any]]:
    table = evaluation.per_query
    mask = (table["scenario"] == setting.scenario) & (table["query_language"] == setting.query_language)
    mask &= table["pool_languages"] == "+".join(setting.pool)
    return {name: np.asarray(column)[mask] for name, column in table.items()}


def compared(evaluation: cm.Evaluation, order_in: Any, **fixed: Any) -> int:
    """Compare an evaluation with one of each setting's order; the number of values that are equal."""
    count = 0
    for setting in settings_of(SCENARIOS, LANGUAGES, "en", fixed.get("pairs", "pivot")):
        for mirrored in (False, True)[: 2 if setting.removed else 1]:
            scores = order_in(setting.mirrored() if mirrored else setting)
            alone = cm.evaluate(COLLECTION, MatrixScorer(scores), scenarios=[setting.scenario], resamples=0, **fixed)
            by_sorting, values = rows_of(alone, setting), rows_of(evaluation, setting)
            assert values["query_id"].tolist() == by_sorting["query_id"].tolist()
            for measure in MEASURES:
                if measure in by_sorting and mirrored == (measure == "Intrusion(by=own)"):
                    np.testing.assert_array_equal(values[measure], by_sorting[measure], err_msg=f"{setting} {measure}")
                    count += int(np.count_nonzero(~np.isnan(by_sorting[measure])))
    return count


@pytest.mark.parametrize(
    "options", [{}, {"ties": "trec"}, {"ties": "expected"}, {"exclude_own_id": True}, {"pairs": "all"}]
)
@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), levels=st.sampled_from([3, 9]))
def test_every_pool_is_as_by_full_sorts(options: dict[str, Any], seed: int, levels: int) -> None:
    draw = np.random.default_rng(seed)
    scores, before = (draw.integers(0, levels, SIZES).astype(np.float32) for _ in range(2))
    fixed: dict[str, Any] = {"measures": MEASURES, **options}
    evaluation = cm.evaluate(
        COLLECTION, MatrixScorer(scores), own_first=MatrixScorer(before), resamples=0, scenarios=SCENARIOS, **fixed
    )
    how = {"trec": options.get("ties") == "trec", "excluded": "exclude_own_id" in options}
    assert compared(evaluation, lambda setting: moved(scores, before, setting, **how), **fixed) > 500
    if options.get("ties") == "expected":
        return  # of documents that tie for the first place before, one alone comes first
    plain = cm.evaluate(
        COLLECTION, MatrixScorer(before), resamples=0, scenarios=["mono-same"], **fixed | {"measures": ["nDCG@1"]}
    )
    for label in LANGUAGES:
        same = Setting("mono-same", label, (label,))
        np.testing.assert_array_equal(rows_of(evaluation, same)["nDCG@1"], rows_of(plain, same)["nDCG@1"])


def test_by_hand() -> None:
    builder = cm.CollectionBuilder("by hand")
    for label, number in (("de", 1), ("de", 2), ("de", 3), ("en", 1), ("en", 2)):
        builder.add_document(f"{label}{number}", f"{label}{number}", label)
    builder.add_query("q", "q", "de")
    for answer in ("de3", "en2"):
        builder.judge("q", answer, 1)
    # After: en1, de1, en2, de2, de3. Before, de3 was the best in German: en1, de3, de1, en2, de2.
    after, before = ([[4, 2, 1, 5, 3]], [[1, 2, 3, 5, 4]])
    evaluation = cm.evaluate(
        builder.build(), MatrixScorer(np.array(after, dtype=np.float32)), scenarios=["mono-same", "multi"],
        own_first=MatrixScorer(np.array(before, dtype=np.float32)), measures=["RR", "Complete@3", "Complete@4"],
        resamples=0,
    )  # fmt: skip
    assert evaluation.value("RR", "mono-same", "de") == 1.0
    assert evaluation.value("RR", "multi", "de") == 0.5
    assert [evaluation.value(f"Complete@{k}", "multi", "de") for k in (3, 4)] == [0.0, 100.0]


@pytest.fixture(scope="module")
def arrays() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    draw = np.random.default_rng(1)
    meaning, lean = draw.normal(size=(TOPICS, 6)), {label: draw.normal(size=6) for label in LANGUAGES}
    return tuple(
        np.array([meaning[int(group or 0)] + lean[label] + 0.9 * draw.normal(size=6)
                  for group, label in zip(side.groups, side.languages, strict=True)], dtype=np.float32)
        for side in (COLLECTION.queries, COLLECTION.documents)
    )  # type: ignore[return-value]  # fmt: skip


def test_after_a_correction_with_feedback(arrays: tuple[Any, Any]) -> None:
    queries, documents = arrays
    before = PrecomputedEncoder(queries, documents)
    sides = COLLECTION.queries.languages, COLLECTION.documents.languages
    center = fit("center", documents, sides[1], queries, sides[0])
    encoder = CorrectedEncoder(before, center)
    options: dict[str, Any] = {"measures": MEASURES, "resamples": 0, "scenarios": SCENARIOS}
    plain, harmful, evaluation = (
        cm.evaluate(COLLECTION, what, **options, **further)
        for what, further in (
            (before, {}), (encoder, {"feedback": 0.4}), (encoder, {"feedback": 0.4, "own_first": before}),
        )
    )  # fmt: skip
    same = [Setting("mono-same", label, (label,)) for label in LANGUAGES]
    first = [[rows_of(one, setting)["nDCG@1"].tolist() for setting in same] for one in (plain, harmful, evaluation)]
    assert first[0] == first[2] != first[1]
    q, d = center.apply_queries(queries, sides[0]), center.apply(documents, sides[1])
    scores, untreated = q @ d.T, cm.search(queries, documents, k=len(documents))
    earlier = np.empty(SIZES, dtype=np.float32)
    np.put_along_axis(earlier, untreated.ids, untreated.scores, axis=1)
    languages = np.array(sides[1])

    def order_in(setting: Setting) -> NDArray[Any]:
        second = scores.copy()
        for query in range(len(q)):
            pool = np.isin(languages, setting.pool)
            if setting.removed is not None:
                pool[[row for row in related(query) if languages[row] == setting.removed]] = False
            best = np.flatnonzero(pool)[scores[query, pool].argmax()]
            second[query] = d @ fed_back(q[query : query + 1], d[best : best + 1], 0.4)[0]
        return moved(second, earlier, setting)

    assert compared(evaluation, order_in, measures=MEASURES) > 500
    assert evaluation.encoder["name"] == "precomputed + center + feedback + own-first"
    assert evaluation.encoder["remedies"][-1]["settings"] == {"before": "precomputed"}


def test_lists_and_examples_are_those_of_the_moved_scores() -> None:
    draw = np.random.default_rng(3)
    scores, before = (draw.integers(0, 9, SIZES).astype(np.float32) for _ in range(2))
    changed = scores.copy()
    for label in LANGUAGES:
        rows = [row for row, own in enumerate(COLLECTION.queries.languages) if own == label]
        changed[rows] = moved(scores, before, Setting("multilingual", label, LANGUAGES))[rows]
    options: dict[str, Any] = {
        "scenarios": ["multilingual", "mono-same"], "measures": ["nDCG@10", "LPR(variant=any)", "LangShare@3"],
        "resamples": 0, "examples": 2,
    }  # fmt: skip
    evaluation = cm.evaluate(COLLECTION, MatrixScorer(scores), own_first=MatrixScorer(before), **options)
    by_sorting = cm.evaluate(COLLECTION, MatrixScorer(changed), **options)
    assert evaluation.rows == by_sorting.rows
    assert evaluation.to_dict()["analysis"] == by_sorting.to_dict()["analysis"]


def test_lists_of_a_run_may_lack_the_first_document() -> None:
    """What was not retrieved has a place once it comes first; the rest of the list stays."""
    draw = np.random.default_rng(4)
    scores, before = (draw.normal(size=SIZES).astype(np.float32) for _ in range(2))
    scores[draw.random(SIZES) < 0.5] = -np.inf
    evaluation = cm.evaluate(
        COLLECTION, MatrixScorer(scores), own_first=MatrixScorer(before), measures=["RR", "nDCG@10"], resamples=0,
        scenarios=SCENARIOS,
    )  # fmt: skip
    fixed: dict[str, Any] = {"measures": ["RR", "nDCG@10"]}
    assert compared(evaluation, lambda setting: moved(scores, before, setting), **fixed) > 100


def test_a_run_is_refused(arrays: tuple[Any, Any], tmp_path: Path) -> None:
    encoder = PrecomputedEncoder(*arrays)
    with pytest.raises(UsageError, match="leave out save_run or own_first"):
        cm.evaluate(COLLECTION, encoder, own_first=encoder, save_run=tmp_path / "run.trec")
