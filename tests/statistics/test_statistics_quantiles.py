"""Quantiles of Student's t, against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm, t

from clinometer.statistics.quantiles import normal_quantile, t_quantile


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.9, 0.95, 0.99, 0.999])
def test_quantiles_are_those_of_scipy(confidence: float) -> None:
    freedom = np.concatenate([[1, 1.5, 2, 2.7, 3, 5, 10.2], np.geomspace(20, 1e8, 15)])
    assert_allclose(t_quantile(confidence, freedom), t.ppf((1 + confidence) / 2, freedom), rtol=1e-5)
    assert normal_quantile(confidence) == pytest.approx(norm.ppf((1 + confidence) / 2), rel=1e-12)


def test_shapes_stay_and_unknown_stays_unknown() -> None:
    quantiles = t_quantile(0.95, [[2.0, np.nan], [np.nan, 2.0]])
    assert np.isnan(quantiles).tolist() == [[False, True], [True, False]]
    assert quantiles[0, 0] == quantiles[1, 1]
    assert t_quantile(0.95, []).shape == (0,)


def test_quantiles_that_a_caller_changes_are_its_own() -> None:
    expected = t_quantile(0.95, [3.0, 7.0, 3.0])
    changed = t_quantile(0.95, [3.0, 7.0, 3.0])
    changed += 1
    assert np.array_equal(t_quantile(0.95, [3.0, 7.0, 3.0]), expected)
