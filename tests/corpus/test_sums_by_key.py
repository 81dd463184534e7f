"""Sums by key: the same whatever the parts, and whatever is spilled to disk."""

from collections import Counter

import polars as pl
import pytest

from mgm.corpus.sums_by_key import SumsByKey

ROWS = [(f"词{i * i % 37}", i, 1) for i in range(200)]


def summed(rows_per_part: int, max_keys: int | None) -> SumsByKey:
    sums = SumsByKey("word", ["n", "documents"], max_keys=max_keys)
    schema = {"word": pl.String, "n": pl.Int64, "documents": pl.Int64}
    for first in range(0, len(ROWS), rows_per_part):
        sums.add(pl.DataFrame(ROWS[first : first + rows_per_part], schema=schema, orient="row"))
    return sums


@pytest.mark.parametrize("rows_per_part", [7, 200])
@pytest.mark.parametrize("max_keys", [None, 3, 11], ids=["in memory", "spilled", "spilled in part"])
def test_sums_are_those_of_a_counter(rows_per_part: int, max_keys: int | None) -> None:
    n, documents = Counter[str](), Counter[str]()
    for word, value, one in ROWS:
        n[word] += value
        documents[word] += one
    sums = summed(rows_per_part, max_keys)
    for _ in range(2):  # they may be read again
        rows = pl.concat(list(sums.divisions())).rows()
        assert sorted(rows) == sorted((word, n[word], documents[word]) for word in n)
    assert sums.num_keys() == len(n)
    assert (len(list(sums.divisions())) > 1) == (max_keys is not None)


def test_keys_may_be_added_after_a_reading() -> None:
    sums = summed(50, 3)
    before = dict(pl.concat(list(sums.divisions())).select("word", "n").iter_rows())
    sums.add(pl.DataFrame({"word": ["词1", "new"], "n": [5, 6], "documents": [1, 1]}))
    after = dict(pl.concat(list(sums.divisions())).select("word", "n").iter_rows())
    assert after == before | {"词1": before["词1"] + 5, "new": 6}


def test_without_a_key_there_is_one_empty_frame() -> None:
    (frame,) = SumsByKey("word", ["n"]).divisions()
    assert frame.is_empty() and frame.columns == ["word", "n"]
