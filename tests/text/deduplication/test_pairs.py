"""Pairs of near-duplicates."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.text.deduplication import pairs
from mgm.text.deduplication.shingles import Shingles


@settings(max_examples=60)
@given(st.lists(st.text("ab好茶", min_size=4, max_size=30), min_size=2, max_size=6), st.integers(1, 6))
def test_the_similarity_is_that_of_jaccard(texts: list[str], n: int) -> None:
    shingles = Shingles.from_texts(pl.Series(texts), n)
    left, right = np.triu_indices(len(texts), 1)
    result = pairs.jaccard_similarity(pairs.shingle_sets([shingles]), left=left, right=right)
    sets = [{t[i : i + n] for i in range(len(t) - n + 1)} for t in texts]
    for a, b, similarity in zip(left, right, result, strict=True):
        union = sets[a] | sets[b]
        assert similarity == pytest.approx(len(sets[a] & sets[b]) / max(len(union), 1))


@pytest.mark.parametrize(
    ("threshold", "permutations"), [(0.5, 128), (0.8, 128), (0.85, 64), (0.99, 256), (1.0, 16)]
)
def test_bands_find_a_pair_at_the_threshold(threshold: float, permutations: int) -> None:
    count, size = pairs.choose_bands(threshold, permutations)
    assert count * size <= permutations
    assert 1 - (1 - threshold**size) ** count >= pairs.MIN_RECALL


def test_the_work_is_bounded_where_a_template_fills_a_bucket() -> None:
    result = list(pairs._bucket_mates(np.zeros(1000, np.uint64)))
    left, right = (np.concatenate([f[i] for f in result]) for i in (0, 1))
    mates = left[right == 999].tolist()
    assert mates == [*range(pairs.BUCKET_NEIGHBOURS), *range(999 - pairs.BUCKET_NEIGHBOURS, 999)]
    assert len(left) <= 1000 * 2 * pairs.BUCKET_NEIGHBOURS and (left < right).all()
    assert sorted(left[right == 20].tolist()) == list(range(20))
