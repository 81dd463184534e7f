"""Batches of documents of similar length, cut by a budget of words, in an order that the seed alone decides."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mgm.model.batch import cut_by_tokens
from mgm.training.data import PartRows

BUCKETS_PER_DOUBLING = 4
"""The number of buckets for lengths within a factor of two: documents within a factor of 2^(1/4) share a bucket and mix freely."""


@dataclass(frozen=True, kw_only=True)
class PlannedBatch:
    """A batch to come: the index of its source, and rows of that source's part."""

    source: int
    rows: np.ndarray
    is_repeated: bool = False
    """Whether its rows are those of another batch too, so that they count for nothing here."""


def shuffled_batches(
    sources: Sequence[PartRows],
    numbers: Sequence[int],
    *,
    tokens_per_batch: int,
    seed: Sequence[int],
) -> list[PlannedBatch]:
    """Return every row of some sources once, in batches in random order.

    Args:
        sources: the rows of all parts.
        numbers: the indices of the sources to read.
        tokens_per_batch: the most words of a batch; a longer document stands alone.
        seed: the same numbers give the same batches, independent of earlier draws.
    """
    rng = np.random.default_rng(seed)
    batches = []
    for number in numbers:
        rows, length = sources[number].rows, sources[number].length
        shuffled = rng.permutation(len(rows))
        bucket = np.floor(np.log2(np.maximum(length, 1)) * BUCKETS_PER_DOUBLING).astype(np.int64)
        order = shuffled[np.argsort(bucket[shuffled], kind="stable")]
        batches += [
            PlannedBatch(source=number, rows=rows[cut])
            for cut in cut_by_tokens(order, length[order], tokens_per_batch=tokens_per_batch)
        ]
    return [batches[i] for i in rng.permutation(len(batches))]


def split_batches(batches: Sequence[PlannedBatch], count: int) -> list[PlannedBatch]:
    """Return `count` batches, at least as many as there are, with every row of `batches` once: the largest are halved.

    Where all are single rows, the last one is repeated.
    """
    split = list(batches)
    largest = [(-len(batch.rows), place) for place, batch in enumerate(split)]
    heapq.heapify(largest)
    while len(split) < count:
        size, place = largest[0]
        if size == -1:
            return split + [replace(split[-1], is_repeated=True)] * (count - len(split))
        halves = np.array_split(split[place].rows, 2)
        split[place] = replace(split[place], rows=halves[0])
        split.append(replace(split[place], rows=halves[1]))
        heapq.heapreplace(largest, (-len(halves[0]), place))
        heapq.heappush(largest, (-len(halves[1]), len(split) - 1))
    return split


def ordered_batches(sources: Sequence[PartRows], tokens_per_batch: int) -> Iterator[PlannedBatch]:
    """Yield every row of all sources once, in the order of the sources."""
    for number, source in enumerate(sources):
        for cut in cut_by_tokens(
            np.arange(len(source.rows)), source.length, tokens_per_batch=tokens_per_batch
        ):
            yield PlannedBatch(source=number, rows=source.rows[cut])
