"""Clusters of duplicates."""

from collections import defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.text.deduplication.clusters import (
    EquivalenceClasses,
    _unify_splits,
    first_of_paired,
    greedy_independent_set,
    rank_rows,
)
from mgm.text.deduplication.repeated import is_among, is_repeated


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


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)), max_size=12))
def test_classes_are_equal_keys_by_rank(rows: list[tuple[int, int, int]]) -> None:
    """A key is equal only in both halves; the representative is the row with most labels, then the earliest."""
    labels, *halves = np.array(rows, np.int64).reshape(-1, 3).T
    classes = EquivalenceClasses.group(np.array(halves, np.uint64), rank_rows(labels.astype(np.uint16)))
    expected = [
        min((i for i, other in enumerate(rows) if other[1:] == row[1:]), key=lambda i: (-rows[i][0], i))
        for row in rows
    ]
    assert classes.representative[classes.class_of_row].tolist() == expected
    order = [(-rows[row][0], row) for row in classes.representative.tolist()]
    assert order == sorted(order)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 5), st.integers(0, 2)), min_size=1, max_size=12))
def test_splits_of_joined_rows_are_those_of_the_earliest(rows: list[tuple[int, int, int]]) -> None:
    """Rows are joined by clusters, and then by the groups of the rows that a cluster joins."""
    cluster = np.array([min(c, i) for i, (c, _, _) in enumerate(rows)])
    while (cluster[cluster] != cluster).any():  # a representative represents itself
        cluster = cluster[cluster]
    groups, splits = (np.array([row[i] for row in rows]) for i in (1, 2))
    result = _unify_splits(
        cluster,
        is_kept=np.ones(len(rows), np.bool_),
        groups=groups.astype(np.uint64),
        splits=splits.astype(np.uint8),
    )
    component = list(range(len(rows)))
    for _ in rows:
        for i in range(len(rows)):
            same = [j for j in range(len(rows)) if cluster[i] == cluster[j] or groups[i] == groups[j]]
            component[i] = min(component[j] for j in same)
    members = defaultdict(set)
    for i, first in enumerate(component):
        members[first].add(i)
    for first, together in members.items():
        sizes = [sum(cluster[j] == cluster[i] for j in together) for i in together]
        for i in together:
            assert result[i] == (splits[first] if max(sizes) > 1 else splits[i])


def test_first_of_paired_follows_chains() -> None:
    left, right = np.array([4, 1, 6]), np.array([6, 3, 7])
    assert first_of_paired(8, (left, right)).tolist() == [0, 1, 2, 1, 4, 5, 4, 4]
    assert first_of_paired(2, (left[:0], right[:0])).tolist() == [0, 1]


def test_values_that_repeat_or_are_among_others() -> None:
    values = np.array([7, 2**63, 7, 3, 2**63, 9], np.uint64)
    assert is_repeated(values).tolist() == [True, True, True, False, True, False]
    assert is_repeated(values[:0]).tolist() == []
    assert is_among(values, np.array([3, 9], np.uint64)).tolist() == [False, False, False, True, False, True]
    assert not is_among(values, values[:0]).any()
