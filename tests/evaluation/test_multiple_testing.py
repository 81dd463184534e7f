import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from mgm.evaluation.multiple_testing import adjust_holm, p_value_below


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.sampled_from([0.01, 0.05, 0.2]))
def test_holm_rejects_what_its_steps_reject(p: list[float], alpha: float) -> None:
    """Holm's own procedure: from the smallest p on, against alpha / (how many are left), until one is not rejected."""
    rejected = set()
    for step, place in enumerate(sorted(range(len(p)), key=lambda i: (p[i], i))):
        if p[place] * (len(p) - step) > alpha:
            break
        rejected.add(place)
    assert {i for i, value in enumerate(adjust_holm(p)) if value <= alpha} == rejected


def test_one_question_needs_no_adjustment_and_none_gives_none() -> None:
    assert adjust_holm([0.03]).tolist() == [0.03]
    assert adjust_holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert len(adjust_holm([])) == 0


def test_p_is_of_the_normal_law_with_the_bootstraps_error() -> None:
    drawn = np.random.default_rng(0).normal(-0.1, 0.05, 20_000)
    assert p_value_below(-0.1, drawn) == pytest.approx(norm.cdf(-2), rel=0.05)
    assert p_value_below(-0.1, drawn, bound=-0.1) == pytest.approx(0.5)
    assert p_value_below(0.0, np.zeros(5)) == 1
    assert p_value_below(-0.1, np.full(5, -0.1)) == 0
    assert np.isnan(p_value_below(float("nan"), drawn))
    assert np.isnan(p_value_below(0.1, np.full(5, np.nan)))
