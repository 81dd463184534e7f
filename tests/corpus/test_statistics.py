"""Statistics: the same whatever the parts and their order, and what numpy says of the whole."""

import json
import pickle
from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.corpus.statistics import QUANTILES, Statistics, weighted_quantiles


def of(*parts: Sequence[int | None]) -> Statistics:
    whole = Statistics()
    for part in parts:
        own = Statistics()
        own.count("documents", len(part))
        own.measure("length", pl.Series(part, dtype=pl.UInt32))
        whole.add(own)
    return whole


@given(parts=st.lists(st.lists(st.one_of(st.none(), st.integers(0, 2**31)), max_size=20), max_size=5))
def test_parts_in_any_order_say_the_same_as_the_whole(parts: list[list[int | None]]) -> None:
    whole = of([v for part in parts for v in part]).result()
    assert of(*reversed(parts)).result().get("length", {}) == (whole["length"] if parts else {})
    if parts:
        assert of(*parts).result() == whole


@given(values=st.lists(st.integers(0, 10**6), min_size=1, max_size=60))
def test_quantiles_are_those_of_numpy(values: list[int]) -> None:
    found = weighted_quantiles(Counter(values))
    assert list(found) == [str(level) for level in QUANTILES]
    assert list(found.values()) == pytest.approx(np.quantile(values, QUANTILES), abs=1e-6)


def test_no_values_have_no_quantiles() -> None:
    assert weighted_quantiles(Counter()) == {}
    assert of([None, None]).result()["length"] == {"quantiles": {}, "histogram": []}


def test_a_histogram_counts_by_powers_of_two_with_its_empty_bins() -> None:
    found = of([0, 1, 2, 3, 8, 15, 16]).result()["length"]["histogram"]
    assert found == [[0, 1], [1, 1], [2, 2], [4, 0], [8, 2], [16, 1]]
    assert sum(n for _, n in found) == 7
    assert of([5]).result()["length"]["histogram"] == [[4, 1]]


def test_counts_are_nested_by_their_names_and_zero_is_stated() -> None:
    found, other = Statistics(), Statistics()
    found.count("steps/unicode", 0)
    found.count("edited", 2)
    other.count("steps/mojibake", 3)
    other.count("edited", 1)
    found.add(other)
    assert found.result() == {"edited": 3, "steps": {"mojibake": 3, "unicode": 0}}
    assert json.dumps(found.result(), sort_keys=True)


def test_a_name_is_a_count_a_group_or_a_measure_and_not_two_of_them() -> None:
    found = Statistics()
    found.count("steps", 1)
    found.count("steps/unicode", 1)
    with pytest.raises(AssertionError, match="'steps' names two things"):
        found.result()
    found = Statistics()
    found.count("length", 1)
    found.measure("length", pl.Series([1]))
    with pytest.raises(AssertionError, match="'length' names two things"):
        found.result()


def test_statistics_come_back_from_another_process() -> None:
    found = pickle.loads(pickle.dumps(of([1, 2])))
    found.measure("more", pl.Series([3]))
    assert found.result()["documents"] == 2
