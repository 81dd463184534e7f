"""One night, from its documents to its commit: shard by shard, resumable, and committed exactly once."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

import polars as pl
import torch
from deltalake.exceptions import DeltaError

from mgm.corpus.parts import REJECTS, Counts
from mgm.scoring import shards as cutting
from mgm.scoring import steps, table
from mgm.scoring.inputs import Inputs
from mgm.scoring.isolation import ScoredRows, score_rows
from mgm.scoring.scorer import Scorer
from mgm.scoring.shards import Shard, Shards
from mgm.scoring.staging import Finished, Staging
from mgm.scoring.table import Night
from mgm.settings.scoring import ScoreSettings

_SHOWN = 10

Progress = Callable[[int], object]
"""Called with the number of documents just done, finished shards of an earlier try too."""

ScoreFrames = Callable[
    [Iterator[tuple[Shard, pl.DataFrame]]], Generator[tuple[Shard, ScoredRows], None, None]
]
"""Scores shards, in whatever order and place."""


@dataclass(frozen=True)
class Tables:
    """Where predictions and rejects are committed."""

    predictions: str
    rejects: str


def score_here(scorer: Scorer, like: str | None, settings: ScoreSettings) -> ScoreFrames:
    """Scores shards in this process: one after another, or `score.threads` of them at a time."""
    if settings.threads > 1:
        return partial(_score_in_threads, scorer, like, settings)

    def score(
        frames: Iterator[tuple[Shard, pl.DataFrame]],
    ) -> Generator[tuple[Shard, ScoredRows], None, None]:
        for shard, frame in frames:
            yield (
                shard,
                score_rows(scorer, frame, like, settings.rows_per_batch, settings.max_failed_documents),
            )

    return score


def _score_in_threads(
    scorer: Scorer, like: str | None, settings: ScoreSettings, frames: Iterator[tuple[Shard, pl.DataFrame]]
) -> Generator[tuple[Shard, ScoredRows], None, None]:
    """In the order of the shards. One frame is read ahead, and no more; torch is content with one thread a shard."""
    own = threading.local()

    def start() -> None:
        torch.set_num_threads(1)
        own.scorer = scorer.beside()

    def score(frame: pl.DataFrame) -> ScoredRows:
        return score_rows(own.scorer, frame, like, settings.rows_per_batch, settings.max_failed_documents)

    running: deque[tuple[Shard, Future[ScoredRows]]] = deque()
    pool = ThreadPoolExecutor(settings.threads, "score", start)
    try:
        for shard, frame in frames:
            running.append((shard, pool.submit(score, frame)))
            if len(running) > settings.threads:
                done, future = running.popleft()
                yield done, future.result()
        while running:
            done, future = running.popleft()
            yield done, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def score_shards(
    score: ScoreFrames,
    inputs: Inputs,
    wanted: Sequence[Shard],
    staging: Staging,
    progress: Progress | None = None,
) -> list[Finished]:
    """Scores those shards that are not finished, and returns what each came to, in order.

    Raises:
        ModelBroken: see `isolation.score_rows`; on a cluster also what `cluster.score_on_ray` raises.
        ValueError: the input has changed since it was cut.
        OSError: the staged rows cannot be written.
    """
    found = {shard.index: staging.finished(shard) for shard in wanted}
    if progress is not None:
        progress(sum(shard.rows for shard in wanted if found[shard.index] is not None))
    frames = cutting.read(inputs, [s for s in wanted if found[s.index] is None])
    with closing(score(frames)) as scored:
        for shard, (predicted, rejected, broken) in scored:
            counts = Counts()
            counts.add(shard.rows, predicted, rejected)
            staging.write(shard, counts, predicted, rejected, broken)
            found[shard.index] = staging.finished(shard)
            if progress is not None:
                progress(shard.rows)
    finished = [found[shard.index] for shard in wanted]
    if None in finished:
        raise FileNotFoundError(f"{staging.folder}: shards of this run were removed by another run")
    return [one for one in finished if one is not None]


def commit(night: Night, tables: Tables, staging: Staging, cut: Shards) -> Night:
    """Commits the staged rejects, and then, with their version, the predictions: the night's only commit point.

    Returns what stands in the table: this night, or that of another run with the same documents and bundle.

    Raises:
        NightTaken: another run was first, with other documents or another bundle.
        OSError: a table cannot be written; the predictions are as they were.
    """
    assert night.rows_in == night.predictions + night.rejected == cut.rows, (
        f"{cut.rows} documents, {night.predictions} predictions and {night.rejected} rejects"
    )
    day = date.fromisoformat(night.date)
    made_of = {"input_sha256": night.input_sha256, "bundle": night.bundle, "code": night.code}
    version = table.commit_rejects(
        tables.rejects,
        day,
        made_of | {"tasks": ",".join(night.tasks), "like": night.like or "", "revision": str(night.revision)},
        table.with_date(REJECTS),
        lambda: _watched(staging.rejects(cut.shards), steps.REJECTS_WRITING),
    )
    steps.reached(steps.REJECTS_COMMITTED)
    made = table.commit_predictions(
        tables.predictions,
        replace(night, rejects_version=version),
        table.with_date(staging.schema),
        lambda: _watched(staging.predictions(cut.shards), steps.PREDICTIONS_WRITING),
    )
    steps.reached(steps.PREDICTIONS_COMMITTED)
    return made


def score_night(
    night: Night,
    tables: Tables,
    score: ScoreFrames,
    inputs: Inputs,
    staging: Staging,
    cut: Shards,
    progress: Progress | None = None,
) -> Night:
    """Scores and commits a night; `night` is what is known of it before it is scored.

    Raises:
        See `score_shards` and `commit`.
    """
    try:
        finished = score_shards(score, inputs, cut.shards, staging, progress)
        counts, broken = Counts(), [line for one in finished for line in one.broken]
        for one in finished:
            counts.merge(one.counts)
        night = replace(
            night,
            rows_in=counts.rows_in,
            predictions=counts.rows_out,
            rejected=counts.rejected,
            reasons=counts.reasons,
            broken=broken[:_SHOWN],
        )
        return commit(night, tables, staging, cut)
    except (OSError, DeltaError):
        # A run beside this one removes the shards when it has committed the night.
        there = table.open_table(tables.predictions)
        if table.revision(there, date.fromisoformat(night.date)) < night.revision:
            raise
        return table.settled(there, night)


def _watched(frames: Iterable[pl.DataFrame], step: str) -> Iterator[pl.DataFrame]:
    """The frames; `step` is reached when all were handed to the table's writer, and nothing is committed."""
    yield from frames
    steps.reached(step)
