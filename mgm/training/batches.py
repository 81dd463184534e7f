"""Batches of documents of similar length, cut by a budget of words, in an order that only the seed
decides."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mgm.model.batch import cut_by_tokens
from mgm.training.labelled_rows import Source

BUCKETS_PER_DOUBLING = 4
"""How finely lengths are told apart: documents within a factor of 2^(1/4) share a bucket and mix freely."""


@dataclass(frozen=True)
class Step:
    """One batch to come: which source, and which rows of its part."""

    source: int
    rows: np.ndarray


def one_pass(sources: list[Source], numbers: list[int], tokens_per_batch: int, seed: list[int]) -> list[Step]:
    """Every row of sources[numbers] once, in batches of at most `tokens_per_batch` words; a longer document
    stands alone.

    The same `seed` gives the same batches, whatever was drawn before.
    """
    rng = np.random.default_rng(seed)
    steps = []
    for number in numbers:
        rows, length = sources[number].rows, sources[number].length
        shuffled = rng.permutation(len(rows))
        bucket = np.floor(np.log2(np.maximum(length, 1)) * BUCKETS_PER_DOUBLING).astype(np.int64)
        order = shuffled[np.argsort(bucket[shuffled], kind="stable")]
        steps += [Step(number, rows[cut]) for cut in cut_by_tokens(order, length[order], tokens_per_batch)]
    return [steps[i] for i in rng.permutation(len(steps))]


def in_order(sources: list[Source], tokens_per_batch: int) -> Iterator[Step]:
    """Every row of all sources once, as they lie."""
    for number, source in enumerate(sources):
        for cut in cut_by_tokens(np.arange(len(source.rows)), source.length, tokens_per_batch):
            yield Step(number, source.rows[cut])
