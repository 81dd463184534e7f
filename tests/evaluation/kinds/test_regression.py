"""Metrics of numbers against SciPy and scikit-learn."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import mean_absolute_error

from tests.evaluation.frames import metrics


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(-8, 8), st.integers(-8, 8)), min_size=2, max_size=30))
def test_regression_agrees_with_scipy(pairs: list[tuple[int, int]]) -> None:
    true, predicted = [[x / 2 for x in side] for side in zip(*pairs, strict=True)]
    found = metrics("regression", true, predicted)
    assert found["mae"] == pytest.approx(mean_absolute_error(true, predicted))
    if len(set(true)) > 1 and len(set(predicted)) > 1:
        assert found["pearson"] == pytest.approx(pearsonr(true, predicted).statistic, abs=1e-9)
        assert found["spearman"] == pytest.approx(spearmanr(true, predicted).statistic, abs=1e-9)
    else:
        assert found["pearson"] == found["spearman"] == 0


def test_a_constant_has_no_correlation() -> None:
    """Though floating point cannot average this one exactly."""
    assert metrics("regression", [1.0, 2.0, 4.0], [0.1, 0.1, 0.1])["pearson"] == 0
