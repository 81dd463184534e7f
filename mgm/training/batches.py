"""Batches of documents of similar length, cut by a budget of words, in an order that only the seed
decides."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mgm.model.batch import Batch, collate, cut_by_tokens, join
from mgm.tasks import Task
from mgm.training.sources import Source

BUCKETS_PER_DOUBLING = 4
"""How finely lengths are told apart: documents within a factor of 2^(1/4) share a bucket and mix freely."""


PARTS_AT_ONCE = 8
"""How many parts of a corpus mix in a batch. A part alone may be one end of a sorted corpus, with labels of its own."""


@dataclass(frozen=True)
class Piece:
    """Rows of one source."""

    source: int
    rows: np.ndarray


@dataclass(frozen=True)
class Step:
    """One batch to come, in pieces of one corpus's sources."""

    pieces: list[Piece]


def one_pass(sources: list[Source], numbers: list[int], tokens_per_batch: int, seed: list[int]) -> list[Step]:
    """Every row of sources[numbers] once, in batches of at most `tokens_per_batch` words; a longer document
    stands alone.

    The same `seed` gives the same batches, whatever was drawn before.
    """
    rng = np.random.default_rng(seed)
    steps: list[Step] = []
    mixed = rng.permutation(numbers)
    for first in range(0, len(mixed), PARTS_AT_ONCE):
        together = mixed[first : first + PARTS_AT_ONCE].tolist()
        source = np.repeat(together, [len(sources[n].rows) for n in together])
        rows = np.concatenate([sources[n].rows for n in together])
        length = np.concatenate([sources[n].length for n in together])
        shuffled = rng.permutation(len(rows))
        bucket = np.floor(np.log2(np.maximum(length, 1)) * BUCKETS_PER_DOUBLING).astype(np.int64)
        order = shuffled[np.argsort(bucket[shuffled], kind="stable")]
        for cut in cut_by_tokens(order, length[order], tokens_per_batch):
            steps.append(
                Step([Piece(n, rows[cut[source[cut] == n]]) for n in np.unique(source[cut]).tolist()])
            )
    return [steps[i] for i in rng.permutation(len(steps))]


def in_order(sources: list[Source], tokens_per_batch: int) -> Iterator[Step]:
    """Every row of all sources once, as they lie."""
    for number, source in enumerate(sources):
        for cut in cut_by_tokens(np.arange(len(source.rows)), source.length, tokens_per_batch):
            yield Step([Piece(number, source.rows[cut])])


def gather(
    step: Step,
    sources: list[Source],
    tasks: list[Task],
    labels: dict[str, list[str]],
    with_targets: bool = True,
) -> Batch:
    """The batch of a step."""
    return join(
        [
            collate(sources[piece.source].part, piece.rows, tasks, labels, with_targets)
            for piece in step.pieces
        ]
    )
