"""Hard negatives: never the positive or its translation, exact ranks, the same on every run, in the losses' order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from clinometer.encoders import EncoderRecord
from clinometer.errors import UsageError
from clinometer.training.batches import hybrid_plan, hybrid_samples
from clinometer.training.data import ParallelItem, samples_from_items
from clinometer.training.mining import mine_hard_negatives, with_hard_negatives


class Letters:
    """Embeds a text by its letters; queries and documents alike."""

    record = EncoderRecord(name="letters", kind="precomputed")

    def encode_queries(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        rows = np.ones((len(texts), 128), dtype=np.float32)
        for row, text in enumerate(texts):
            np.add.at(rows[row], [ord(letter) % 128 for letter in text], 1)
        return rows

    encode_documents = encode_queries


def items(count: int = 12) -> list[ParallelItem]:
    found = []
    for number in range(count):
        name = chr(ord("a") + number) * 4
        texts: dict[str, tuple[str | None, str]] = {
            label: (f"{label}? {name}", f"{label}: {label}longer {label}text {label}on {name} {name}")
            for label in ("en", "de", "zh")
        }
        found.append(ParallelItem(f"p{number}#0", texts))
    return found


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 4), st.sampled_from(["hardest", "random"]))
def test_against_a_plain_sort(seed: int, count: int, first: int, choice: Any) -> None:
    random = np.random.default_rng(seed)
    queries, documents = random.normal(size=(5, 6)).astype(np.float32), random.normal(size=(20, 6)).astype(np.float32)
    groups, query_groups = random.integers(0, 6, 20), random.integers(0, 8, 5)
    ranks = (first, first + 4)
    found = mine_hard_negatives(
        queries, documents, query_groups, groups, count=count, ranks=ranks, choice=choice, seed=seed
    )
    units = documents.astype(np.float64) / np.linalg.norm(documents.astype(np.float64), axis=1, keepdims=True)
    for query in range(5):
        order = [
            d for d in np.argsort(-(units @ queries[query].astype(np.float64))) if groups[d] != query_groups[query]
        ]
        allowed = order[ranks[0] - 1 : ranks[1]]
        assert set(found[query]) <= set(allowed)
        assert sorted(found[query], key=allowed.index) == list(found[query])
        if choice == "hardest":
            assert list(found[query]) == allowed[:count]


def test_the_same_on_every_run_and_thread_count() -> None:
    random = np.random.default_rng(4)
    queries, documents = random.normal(size=(9, 8)), random.normal(size=(50, 8))
    arguments = (queries, documents, list(range(9)), [row % 25 for row in range(50)])
    one, two = (
        mine_hard_negatives(*arguments, count=3, ranks=(5, 20), choice="random", threads=threads) for threads in (1, 2)
    )
    assert np.array_equal(one, two)
    other = mine_hard_negatives(*arguments, count=3, ranks=(5, 20), choice="random", seed=1)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"count": 0}, "count is 0"),
        ({"count": 3, "ranks": (1, 2)}, "ranks are 1 to 2, but must start at 1 or more and hold 3 negatives"),
        ({"ranks": (0, 9)}, "ranks are 0 to 9"),
        ({"choice": "easy"}, "unknown choice 'easy'; expected hardest or random"),
        ({"count": 3}, "query 0 has 2 documents of other groups in the ranks 1 to 100, but count is 3; lower"),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        mine_hard_negatives(np.eye(1, 4), np.eye(4), [0], [0, 0, 1, 2], **{"count": 1, **options})


def test_groups_fit_the_rows() -> None:
    with pytest.raises(UsageError, match="3 groups for 4 documents; give one for each"):
        mine_hard_negatives(np.eye(1, 4), np.eye(4), [0], [0, 1, 2], count=1)


def test_columns_for_the_alignment_loss() -> None:
    samples = samples_from_items(items(), ["de", "zh"], dev_share=0)
    found = with_hard_negatives(samples, Letters(), count=2, ranks=(1, 5))
    assert found.columns == ("query_en", "passage_en", "passage_tgt", "negative_1", "negative_2")
    english = {row[1] for row in samples.rows}
    for row, before in zip(found.rows, samples.rows, strict=True):
        assert row[:3] == before
        assert set(row[3:]) <= english - {row[1]}
        assert len(set(row[3:])) == 2
    assert found.groups == samples.groups
    assert found.statistics["hard_negatives"]["encoder"] == "letters"
    assert found == with_hard_negatives(samples, Letters(), count=2, ranks=(1, 5))


def test_columns_for_clear() -> None:
    samples = samples_from_items(items(), ["de", "zh"], dev_share=0, layout="clear")
    found = with_hard_negatives(samples, Letters(), count=2, ranks=(1, 5))
    assert found.columns == (
        "query_en", "passage_en", "negative_1", "negative_2", "query_tgt", "neg_query_1", "neg_query_2",
    )  # fmt: skip
    for row, language in zip(found.rows, found.languages, strict=True):
        assert all(text.startswith("en: ") for text in row[2:4])
        assert all(text.startswith(f"{language}? ") for text in row[4:])
        assert row[4] not in row[5:]
        assert row[1] not in row[2:4]


def test_columns_for_pairs_and_a_layout_that_has_no_place() -> None:
    samples = samples_from_items(items(), ["de"], dev_share=0, layout="pairs")
    found = with_hard_negatives(samples, Letters(), count=1, ranks=(1, 3))
    assert found.columns == ("query", "passage", "negative_1")
    assert all(row[2].startswith("de: ") and row[2] != row[1] for row in found.rows)
    with pytest.raises(UsageError, match="hard negatives cannot be added to the columns query_en, passage_tgt"):
        with_hard_negatives(samples_from_items(items(), ["de"], dev_share=0, layout="cross-pairs"), Letters())


def test_the_answer_to_an_equal_question_is_no_negative() -> None:
    shared = [
        ParallelItem(one.id, {**one.texts, "en": ("en? the same", one.texts["en"][1])}) if row < 2 else one
        for row, one in enumerate(items())
    ]
    samples = samples_from_items(shared, ["de"], dev_share=0)
    found = with_hard_negatives(samples, Letters(), count=10, ranks=(1, 10))
    answers = {row[1] for row in found.rows if row[0] == "en? the same"}
    assert len(answers) == 2
    for row in found.rows:
        if row[0] == "en? the same":
            assert not answers & set(row[3:])


def test_too_few_candidates_name_the_row() -> None:
    samples = samples_from_items(items(3), ["de"], dev_share=0)
    with pytest.raises(
        UsageError, match="query 0 has 2 documents of other groups in the ranks 1 to 50, but count is 5"
    ):
        with_hard_negatives(samples, Letters(), ranks=(1, 50))


def test_hybrid_samples_by_language() -> None:
    found = hybrid_samples(items(), ["de", "zho_Hans"], dev_share=0, pivot_alone=False)
    assert list(found) == ["mono-de", "mono-zh", "cross-de", "cross-zh"]
    assert found["mono-zh"].columns == ("query", "passage")
    assert set(found["mono-zh"].languages) == {"zh"}
    assert found["cross-de"].columns == ("query_en", "passage_en", "passage_tgt")
    assert all(row[0].startswith("zh? ") and row[1].startswith("zh: ") for row in found["mono-zh"].rows)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=1, max_size=6),
    st.floats(0, 1),
    st.integers(0, 99),
)
def test_a_plan_keeps_its_share(sizes: list[tuple[int, bool]], alpha: float, seed: int) -> None:
    batches, mono = [size for size, _ in sizes], [kind for _, kind in sizes]
    totals = {kind: sum(size for size, of in sizes if of == kind) for kind in (True, False)}
    if (alpha > 0 and not totals[True]) or (alpha < 1 and not totals[False]):
        with pytest.raises(UsageError, match=r"there is no (mono|cross-)lingual batch"):
            hybrid_plan(batches, mono, alpha, seed)
        return
    plan = hybrid_plan(batches, mono, alpha, seed)
    assert plan == hybrid_plan(batches, mono, alpha, seed)
    assert all(plan.count(place) <= size for place, size in enumerate(batches))
    assert abs(sum(mono[place] for place in plan) - alpha * len(plan)) <= 0.5 + 1e-9
    limits = [totals[kind] / share for kind, share in ((True, alpha), (False, 1 - alpha)) if share > 0]
    assert len(plan) == int(min(limits) + 1e-9)


def test_a_plan_of_wrong_arguments() -> None:
    with pytest.raises(UsageError, match=r"alpha is 1.5, but must be between 0 and 1"):
        hybrid_plan([1], [True], 1.5)
    with pytest.raises(UsageError, match="2 datasets, but 1 values in monolingual"):
        hybrid_plan([1, 2], [True], 0.5)


def test_negatives_of_dot_products_are_those_of_the_lengths() -> None:
    documents = np.array([[1, 0], [0.9, 0.1], [5, 5], [0, 1]], dtype=np.float32)
    arguments = [[1.0, 0.0]], documents, [7], [7, 1, 2, 3]
    assert mine_hard_negatives(*arguments, count=1).tolist() == [[1]]
    assert mine_hard_negatives(*arguments, count=1, similarity="dot").tolist() == [[2]]
