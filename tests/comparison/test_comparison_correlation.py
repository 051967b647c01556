"""Correlations over retrievers: SciPy's figures, and what has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import clinometer as cm
from clinometer.errors import MeasureError, UsageError


def evaluation(name: str, values: dict[str, float | None], digest: str = "a") -> cm.Evaluation:
    rows: list[dict[str, Any]] = [
        {"scenario": "multilingual", "query_language": "macro", "pool_languages": ["*"], "measure": measure,
         "value": value, "ci_low": None, "ci_high": None, "queries": 1, "documents": 2, "ties": 0}
        for measure, value in values.items()
    ]  # fmt: skip
    return cm.Evaluation({"digest": digest}, {"name": name}, {}, rows)


def several(first: list[Any], second: list[Any]) -> list[cm.Evaluation]:
    return [
        evaluation(f"r{number}", {"nDCG@10": x, "LPR": y})
        for number, (x, y) in enumerate(zip(first, second, strict=True))
    ]


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-5, 5)), min_size=3, max_size=12))
def test_equal_to_scipy(pairs: list[tuple[int, int]]) -> None:
    first, second = (np.array(column) / 7 for column in zip(*pairs, strict=True))
    if len(set(first)) == 1 or len(set(second)) == 1:
        with pytest.raises(UsageError, match="so there is nothing to correlate"):
            cm.correlate(several(first.tolist(), second.tolist()), "nDCG@10", "LPR")
        return
    found = cm.correlate(several(first.tolist(), second.tolist()), "ndcg_cut_10", "LPR")
    assert found.pearson == pytest.approx(stats.pearsonr(first, second).statistic, abs=1e-12)
    assert found.spearman == pytest.approx(stats.spearmanr(first, second).statistic, abs=1e-12)
    assert (found.x, found.y, found.n) == ("nDCG@10", "LPR", len(pairs))


def test_values_and_names_come_with_the_figure() -> None:
    found = cm.correlate(several([1.0, 0.5, 0.2], [10.0, 50.0, 90.0]), "nDCG@10", "LPR")
    assert found.to_dict() == {
        "x": "nDCG@10", "y": "LPR", "scenario": "multilingual", "query_language": "macro",
        "retrievers": ("r0", "r1", "r2"), "x_values": (1.0, 0.5, 0.2), "y_values": (10.0, 50.0, 90.0), "n": 3,
        "pearson": pytest.approx(-0.9897433186107870), "spearman": -1.0,
    }  # fmt: skip
    named = cm.correlate(several([1.0, 0.5, 0.2], [10.0, 50.0, 90.0]), "nDCG@10", "LPR", names=["a", "b", "c"])
    assert named.retrievers == ("a", "b", "c")


def test_what_has_no_correlation_is_refused() -> None:
    three = several([1.0, 0.5, 0.2], [10.0, 50.0, 90.0])
    with pytest.raises(UsageError, match="2 evaluations are too few for a correlation; pass those of 3"):
        cm.correlate(three[:2], "nDCG@10", "LPR")
    with pytest.raises(UsageError, match="on several collections"):
        cm.correlate([*three, evaluation("x", {"nDCG@10": 1.0, "LPR": 1.0}, "b")], "nDCG@10", "LPR")
    with pytest.raises(UsageError, match="the results have no measure 'RR' in multilingual; expected one of nDCG@10"):
        cm.correlate(three, "RR", "LPR")
    with pytest.raises(UsageError, match="r3 has no value of LPR in multilingual for macro"):
        cm.correlate([*three, evaluation("r3", {"nDCG@10": 1.0, "LPR": None})], "nDCG@10", "LPR")
    with pytest.raises(UsageError, match="are the same measure; choose two different ones"):
        cm.correlate(three, "LPR", "LPR")
    with pytest.raises(UsageError, match="1 names for 3 evaluations"):
        cm.correlate(three, "nDCG@10", "LPR", names=["a"])
    with pytest.raises(MeasureError, match="nope"):
        cm.correlate(three, "nDCG@10", "nope")
