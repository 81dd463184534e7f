"""Shards scored in this process: one after another, or by threads."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import polars as pl
import torch

from mgm.scoring.isolation import (
    FailureBudget,
    ScoredRows,
    independent_parts,
    join_parts,
    score_part,
    score_rows,
)
from mgm.scoring.scorer import Scorer
from mgm.scoring.shards import Shard
from mgm.settings.scoring import ScoreSettings

ShardFrames = Iterator[tuple[Shard, pl.DataFrame]]
ScoredShards = Generator[tuple[Shard, ScoredRows], None, None]
ShardScorer = Callable[[ShardFrames], ScoredShards]
"""Scores shards, in any order and place."""


def score_in_process(
    frames: ShardFrames, *, scorer: Scorer, as_corpus: str | None, settings: ScoreSettings
) -> ScoredShards:
    """Score shards in their order, by `score.threads` threads, which share the parts of shards that do not depend on each other.

    Raises:
        ModelBroken: see `isolation.score_rows`.
    """
    if settings.threads > 1:
        yield from _score_in_threads(frames, scorer=scorer, as_corpus=as_corpus, settings=settings)
        return
    for shard, frame in frames:
        rows = score_rows(
            scorer,
            frame,
            as_corpus=as_corpus,
            rows_per_batch=settings.rows_per_batch,
            max_failed_documents=settings.max_failed_documents,
        )
        yield shard, rows


def _score_in_threads(
    frames: ShardFrames, *, scorer: Scorer, as_corpus: str | None, settings: ScoreSettings
) -> ScoredShards:
    """Read at most one frame ahead, and let torch use one thread a part of a shard."""
    local = threading.local()
    scorers = [scorer, *(scorer.copy() for _ in range(settings.threads - 1))]

    def start() -> None:
        torch.set_num_threads(1)
        local.scorer = scorers.pop()

    def score(part: pl.DataFrame, budget: FailureBudget) -> ScoredRows:
        return score_part(
            local.scorer,
            part,
            as_corpus=as_corpus,
            rows_per_batch=settings.rows_per_batch,
            budget=budget,
        )

    running: deque[_RunningShard] = deque()
    pool = ThreadPoolExecutor(settings.threads, "score", start)
    try:
        for shard, frame in frames:
            budget = FailureBudget(settings.max_failed_documents, num_rows=frame.height)
            parts = independent_parts(scorer, frame, rows_per_batch=settings.rows_per_batch)
            running.append(_RunningShard(shard, budget, [pool.submit(score, part, budget) for part in parts]))
            if len(running) > settings.threads:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


class _RunningShard(NamedTuple):
    """A shard whose parts threads score."""

    shard: Shard
    budget: FailureBudget
    parts: list[Future[ScoredRows]]

    def result(self) -> tuple[Shard, ScoredRows]:
        """Wait for all parts, and return the rows of the shard."""
        return self.shard, join_parts([part.result() for part in self.parts], self.budget)
