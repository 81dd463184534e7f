"""Shards scored in this process: one after another, or by threads."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import polars as pl
import torch

from mgm.scoring.isolation import ScoredRows, score_rows
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
    """Score shards in their order, `score.threads` of them at a time.

    Raises:
        ModelBroken: see `isolation.score_rows`.
    """
    if settings.threads > 1:
        yield from _score_in_threads(frames, scorer=scorer, as_corpus=as_corpus, settings=settings)
        return
    for shard, frame in frames:
        yield shard, _score(scorer, frame, as_corpus=as_corpus, settings=settings)


def _score_in_threads(
    frames: ShardFrames, *, scorer: Scorer, as_corpus: str | None, settings: ScoreSettings
) -> ScoredShards:
    """Read at most one frame ahead, and let torch use one thread a shard."""
    local = threading.local()
    scorers = [scorer.copy() for _ in range(settings.threads)]

    def start() -> None:
        torch.set_num_threads(1)
        local.scorer = scorers.pop()

    def score(frame: pl.DataFrame) -> ScoredRows:
        return _score(local.scorer, frame, as_corpus=as_corpus, settings=settings)

    running: deque[tuple[Shard, Future[ScoredRows]]] = deque()
    pool = ThreadPoolExecutor(settings.threads, "score", start)
    try:
        for shard, frame in frames:
            running.append((shard, pool.submit(score, frame)))
            if len(running) > settings.threads:
                first, future = running.popleft()
                yield first, future.result()
        while running:
            first, future = running.popleft()
            yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _score(
    scorer: Scorer, frame: pl.DataFrame, *, as_corpus: str | None, settings: ScoreSettings
) -> ScoredRows:
    return score_rows(
        scorer,
        frame,
        as_corpus=as_corpus,
        rows_per_batch=settings.rows_per_batch,
        max_failed_documents=settings.max_failed_documents,
    )
