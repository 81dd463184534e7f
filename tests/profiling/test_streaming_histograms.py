"""Streaming histograms: counts of parts, in any order, are those of the whole."""

from collections import Counter
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.profiling.streaming_histograms import (
    SIZE_BOUNDS,
    ClusteredCounts,
    IntegerHistogram,
    RealHistogram,
    histogram,
)

FLOATS = st.lists(st.floats(-1e6, 1e6, width=32), max_size=60)


def clustered(*parts: list[list[str]]) -> ClusteredCounts:
    """Each part a list of documents, each document a list of values."""
    gathered = ClusteredCounts()
    for documents in parts:
        names = sorted({value for document in documents for value in document})
        owner = np.repeat(np.arange(len(documents)), [len(document) for document in documents])
        codes = np.array([names.index(value) for document in documents for value in document], dtype=int)
        gathered.add(
            row_ids=owner, codes=codes, names=pl.Series(names, dtype=pl.String), num_documents=len(documents)
        )
    return gathered


def numbers(*parts: list[float], limit: int = 100_000) -> dict[str, object]:
    gathered = RealHistogram(max_distinct=limit)
    for part in parts:
        gathered.add(pl.Series(part, dtype=pl.Float32))
    return gathered.result()


def test_a_bound_belongs_to_the_bin_above_it() -> None:
    found = histogram(np.array([0.0, 1.0, 2.0, 9.0]), [1, 2, 3, 4], bounds=[1.0, 2.0])
    assert found == {"n": 10, "bounds": [1.0, 2.0], "counts": [1, 2, 7]}


def test_size_bins_grow_from_single_numbers() -> None:
    """Size bins are single numbers first and then four an octave."""
    assert SIZE_BOUNDS[:8] == [1, 2, 3, 4, 5, 6, 7, 8] and SIZE_BOUNDS[-1] == 2**20
    assert all(high / low <= 1.25 for low, high in pairwise(SIZE_BOUNDS[7:]))


def test_sizes_have_bins_and_quantiles() -> None:
    sizes = IntegerHistogram()
    sizes.add(pl.Series([3, 0, None], dtype=pl.Int32))
    sizes.add(pl.Series([3, 2_000_000]))
    found = sizes.result()
    assert (
        found["n"] == 4 and found["counts"][0] == 1 and found["counts"][3] == 2 and found["counts"][-1] == 1
    )
    assert found["quantiles"]["0.5"] == 3 and found["quantiles"]["1.0"] == 2_000_000
    assert IntegerHistogram().result()["n"] == 0 and IntegerHistogram().result()["quantiles"] == {}


def test_few_numbers_have_a_bin_each_and_many_deciles() -> None:
    """Few distinct numbers have a bin each and many have deciles."""
    stars = numbers([1, 5, 5, 3], [5])
    assert stars["bounds"] == [1, 3, 5] and stars["counts"] == [0, 1, 1, 3]
    even = numbers([float(value) for value in range(100)])
    assert even["counts"] == [9, *[10] * 8, 11] and even["n"] == 100


def test_numbers_that_are_none_are_left_out() -> None:
    found = RealHistogram()
    found.add(pl.Series([None, float("nan"), float("inf"), -0.0, 0.0], dtype=pl.Float32))
    assert found.result()["n"] == 2 and found.result()["bounds"] == [0.0]


@given(FLOATS, st.integers(0, 60), st.sampled_from([5, 100_000]))
def test_numbers_do_not_depend_on_parts_or_order(values: list[float], cut: int, limit: int) -> None:
    whole = numbers(values, limit=limit)
    assert numbers(values[cut:][::-1], values[:cut], limit=limit) == whole
    assert sum(whole["counts"]) == len(values)  # type: ignore[arg-type]


def test_too_many_numbers_lose_their_last_bits_only() -> None:
    values = np.linspace(1, 2, 1000).tolist()
    exact, coarse = numbers(values)["quantiles"], numbers(values, limit=100)["quantiles"]
    assert coarse != exact and coarse == pytest.approx(exact, rel=0.02)  # type: ignore[comparison-overlap]


DOCUMENTS = st.lists(st.lists(st.sampled_from("abcde"), max_size=8), max_size=12)


@given(DOCUMENTS, st.integers(0, 12))
def test_clustered_counts_do_not_depend_on_parts_or_order(documents: list[list[str]], cut: int) -> None:
    whole, cut_up = clustered(documents), clustered(documents[cut:], documents[:cut])
    true = Counter(value for document in documents for value in document)
    expected = dict(sorted(true.items(), key=lambda item: (-item[1], item[0])))
    assert list(whole.counts(3).items()) == list(cut_up.counts(3).items()) == list(expected.items())[:3]
    assert whole.design_effect(4) == cut_up.design_effect(4)
    found = dict(pl.concat(list(whole.divisions())).select("value", "documents").iter_rows())
    assert found == Counter(value for document in documents for value in set(document))


def test_design_effect_of_uniform_documents_is_their_length() -> None:
    """The design effect of whole documents of one value is their length."""
    effect = clustered([["a"] * 5 if i % 2 else ["b"] * 5 for i in range(1000)]).design_effect(10)
    assert effect == pytest.approx(5, rel=0.01)


def test_the_design_effect_of_independent_draws_is_1() -> None:
    drawn = np.random.default_rng(0).choice(list("abcdefgh"), size=(2000, 20)).tolist()
    assert clustered(drawn).design_effect(10) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    "documents",
    [[], [["a", "b"]], [["a"], ["a"]], [[], []]],
    ids=["no document", "one document", "one value", "no value"],
)
def test_one_document_or_one_value_has_no_design_effect(documents: list[list[str]]) -> None:
    """No design effect can be told of one document or one value."""
    assert clustered(documents).design_effect(10) == 1.0
