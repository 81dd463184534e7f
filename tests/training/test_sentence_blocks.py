"""Sentences from disk are those that were written, in blocks that fit."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.training.sentence_blocks import BYTES_PER_FEATURE, BYTES_PER_TAG, SentenceBlocks
from mgm.training.sparse_rows import Storage


@settings(max_examples=20)
@given(st.lists(st.lists(st.integers(1, 6), max_size=5), max_size=6), st.integers(1, 40), st.integers(0, 9))
def test_blocks_hold_all_sentences_with_frequent_features(
    batches: list[list[int]], block_words: int, seed: int
) -> None:
    """They are in order, no block has more words than fit but for one sentence, and features of one word are left out."""
    rng = np.random.default_rng(seed)
    written = [
        (rng.integers(0, 12, (sum(b), 2)), rng.integers(0, 3, sum(b)), np.array(b, np.int64)) for b in batches
    ]
    blocks = SentenceBlocks(
        written,
        num_features=2,
        num_tags=3,
        storage=Storage(max_bytes=block_words * (2 * BYTES_PER_FEATURE + 3 * BYTES_PER_TAG)),
    )
    hashed = np.concatenate([np.zeros((0, 2), np.int64), *(features for features, _, _ in written)])
    values, counts = np.unique(hashed, return_counts=True)
    assert blocks.columns.tolist() == values[counts > 1].tolist()
    expected = [(features == value).sum(1) for features in [hashed] for value in blocks.columns]
    found = list(blocks)
    assert len(found) == len(blocks)
    assert all(block.features.shape[0] <= block_words or len(block.length) == 1 for block in found)
    if found:
        assert (
            np.concatenate([b.tags for b in found]).tolist()
            == np.concatenate([t for _, t, _ in written]).tolist()
        )
        assert np.concatenate([b.length for b in found]).tolist() == [n for batch in batches for n in batch]
        dense = np.concatenate([b.features.toarray() for b in found])
        assert dense.T.tolist() == [column.tolist() for column in expected]
    else:
        assert not sum(map(len, batches))
