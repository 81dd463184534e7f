"""Effect sizes: textbook values, bounds, symmetry."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.profiling.effect_sizes import (
    cramers_v,
    jensen_shannon_distance,
    kolmogorov_smirnov,
    population_stability_index,
)


def test_statistics_have_their_textbook_values() -> None:
    even, lean = [500_000, 500_000], [900_000, 100_000]
    assert population_stability_index(even, lean) == pytest.approx(0.4 * np.log(9), rel=1e-4)
    assert kolmogorov_smirnov(even, lean) == pytest.approx(0.4)
    assert cramers_v(even, lean) == pytest.approx(np.sqrt(0.5 * (0.16 / 1.4 + 0.16 / 0.6)))
    assert jensen_shannon_distance([1, 0], [0, 1]) == 1


def test_small_changes_have_one_size_in_all_three_measures() -> None:
    one, other = np.array([30, 30, 40]) * 10_000, np.array([31, 29, 40]) * 10_000
    psi = population_stability_index(one, other)
    assert 4 * cramers_v(one, other) ** 2 == pytest.approx(psi, rel=0.01)
    assert 8 * np.log(2) * jensen_shannon_distance(one, other) ** 2 == pytest.approx(psi, rel=0.01)


COUNTS = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=12).filter(
    lambda pairs: sum(a for a, _ in pairs) > 0 and sum(b for _, b in pairs) > 0
)
MEASURES = [population_stability_index, jensen_shannon_distance, cramers_v, kolmogorov_smirnov]


@given(COUNTS, st.integers(2, 5))
def test_measures_are_symmetric_bounded_and_0_for_equal_shares(
    pairs: list[tuple[int, int]], times: int
) -> None:
    one, other = np.array(pairs).T
    for measure in MEASURES:
        found = measure(one, other)
        assert found == pytest.approx(measure(other, one), abs=1e-9)
        assert -1e-9 <= found < (1 + 1e-9 if measure is not population_stability_index else np.inf)
        # Smoothing of different numbers must not look like drift.
        assert measure(one, one * times) == pytest.approx(0, abs=1e-6)


@given(COUNTS, st.randoms(use_true_random=False))
def test_measures_ignore_order_and_empty_categories(pairs: list[tuple[int, int]], random: Any) -> None:
    """Measures of categories ignore their order and empty ones."""
    shuffled = [*pairs, (0, 0)]
    random.shuffle(shuffled)
    for measure in MEASURES[:3]:
        assert measure(*np.array(shuffled).T) == pytest.approx(measure(*np.array(pairs).T), abs=1e-9)


def test_counts_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="counts that sum to 0; expected at least one"):
        kolmogorov_smirnov([0, 0], [1, 2])
