"""Clusters of duplicates."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.text.deduplication.clusters import greedy_independent_set


@settings(max_examples=100)
@given(
    st.integers(1, 9).flatmap(
        lambda n: st.tuples(st.just(n), st.sets(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))))
    )
)
def test_the_independent_set_equals_a_greedy_loop(graph: tuple[int, set[tuple[int, int]]]) -> None:
    n, edges = graph
    ordered = sorted({(a, b) for a, b in edges if a < b})
    left, right = (np.array([e[i] for e in ordered], np.int64) for i in (0, 1))
    expected: list[int] = []
    for node in range(n):
        kept = [a for a, b in ordered if b == node and expected[a] == a]
        expected.append(min(kept, default=node))
    assert greedy_independent_set(n, (left, right)).tolist() == expected
