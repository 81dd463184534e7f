"""One night, from its documents to its commit: shard by shard, resumable, and committed exactly once."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date

import polars as pl
from deltalake.exceptions import DeltaError

from mgm.corpus.parts import REJECTS, Counts
from mgm.errors import AlteredInput
from mgm.scoring import commits, delta, steps
from mgm.scoring.commits import Night
from mgm.scoring.inputs import Inputs
from mgm.scoring.local import ShardScorer
from mgm.scoring.reject_budget import check_rejects
from mgm.scoring.shards import Shards, read_shards
from mgm.scoring.staging import StagedShard, Staging, read_predictions, read_rejects
from mgm.settings.gates import RejectBudget
from mgm.tasks.columns import calibrated_column

_MAX_BROKEN_SHOWN = 10
_MAX_TRIES = 3
"""The most times that the shards of a night are scored and read again, where one was altered meanwhile."""
_log = logging.getLogger(__name__)

OnProgress = Callable[[int], object]
"""Called with the number of documents just finished, those of an earlier try's shards too."""


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The locations of the tables of predictions and of rejects."""

    predictions: str
    rejects: str


@dataclass(frozen=True, kw_only=True)
class NightPlan:
    """A night that is to be scored: its metadata so far, its documents, and the places of its results."""

    night: Night
    inputs: Inputs
    shards: Shards
    staging: Staging
    tables: Tables
    budget: RejectBudget = field(default_factory=RejectBudget)
    """The shares of rejected documents above which the night warns, or is not committed."""
    num_warned: int = 0
    """The documents without text, where the gate has warned of them."""


def score_night(plan: NightPlan, scorer: ShardScorer, *, on_progress: OnProgress | None = None) -> Night:
    """Score and commit a night, and return the night that is in the table.

    A shard that was altered between scoring and commit is scored again.

    Raises:
        TooManyRejects: before anything is committed; the scored shards stay, for a run with another budget.
        OSError: also where shards are altered again and again.
        Whatever else `score_shards` and `commit_night` raise.
    """
    for attempt in range(_MAX_TRIES):
        try:
            return _score_and_commit(plan, scorer, on_progress=None if attempt else on_progress)
        except (OSError, DeltaError, AlteredInput) as error:
            # another run of the same night removes the shards when it has committed it
            table = delta.open_table(plan.tables.predictions)
            if commits.current_revision(table, date.fromisoformat(plan.night.date)) >= plan.night.revision:
                return commits.read_rival(table, plan.night)
            if not isinstance(error, AlteredInput):
                raise
            if attempt == _MAX_TRIES - 1:
                raise OSError(
                    f"{error}: the shard was scored {_MAX_TRIES} times and altered each time before the commit; "
                    f"night {plan.night.date} is not committed"
                ) from error
            _log.warning("night %s: %s: the shard is scored again", plan.night.date, error)
    raise AssertionError("the last attempt raises")


def _score_and_commit(plan: NightPlan, scorer: ShardScorer, *, on_progress: OnProgress | None) -> Night:
    staged = score_shards(plan, scorer, on_progress=on_progress)
    answered = _count_answers(list(plan.night.abstained), staged)
    counts, broken = Counts(), [line for shard in staged for line in shard.broken]
    for shard in staged:
        counts.merge(shard.counts)
    night = replace(
        plan.night,
        rows_in=counts.rows_in,
        predictions=counts.rows_out,
        rejected=counts.rejected,
        reasons=counts.reasons,
        warnings=[*plan.night.warnings, *check_rejects(counts, plan.budget, num_warned=plan.num_warned)],
        broken=broken[:_MAX_BROKEN_SHOWN],
        abstained={
            task: {**entry, "answered": answered[task]} for task, entry in plan.night.abstained.items()
        },
    )
    return commit_night(night, plan, staged=staged)


def score_shards(
    plan: NightPlan, scorer: ShardScorer, *, on_progress: OnProgress | None = None
) -> list[StagedShard]:
    """Score the shards that are not staged yet, and return the result of every shard, in order.

    Raises:
        ModelBroken: see `isolation.score_rows`; on a cluster also the errors of `cluster.score_on_ray`.
        ValueError: the input has changed since it was cut.
        OSError: the staged rows cannot be written.
    """
    shards, staging = plan.shards.shards, plan.staging
    staged = {shard.index: staging.find(shard) for shard in shards}
    if on_progress is not None:
        on_progress(sum(shard.rows for shard in shards if staged[shard.index] is not None))
    frames = read_shards(plan.inputs, [shard for shard in shards if staged[shard.index] is None])
    with closing(scorer(frames)) as scored:
        for shard, rows in scored:
            staging.write(shard, rows)
            staged[shard.index] = staging.find(shard)
            if on_progress is not None:
                on_progress(shard.rows)
    results = [result for shard in shards if (result := staged[shard.index]) is not None]
    if len(results) < len(shards):
        raise FileNotFoundError(f"{staging.folder}: shards of this run were removed by another run")
    return results


def commit_night(night: Night, plan: NightPlan, *, staged: Sequence[StagedShard]) -> Night:
    """Commit the staged rejects, and then, with their version, the predictions: the night's only commit point.

    Returns:
        The night that is in the table: this one, or that of another run with the same documents and bundle.

    Raises:
        NightConflict: another run was first, with other documents or another bundle.
        AlteredInput: a staged file is not the one that was written; the predictions are as they were.
        OSError: a table cannot be written; the predictions are as they were.
    """
    assert night.rows_in == night.predictions + night.rejected == plan.shards.rows, (
        f"{plan.shards.rows} documents, {night.predictions} predictions and {night.rejected} rejects"
    )
    rejects_version = commits.commit_rejects(
        plan.tables.rejects,
        day=date.fromisoformat(night.date),
        made_of={
            "input_sha256": night.input_sha256,
            "bundle": night.bundle,
            "code": night.code,
            "tasks": ",".join(night.tasks),
            "like": night.as_corpus or "",
            "revision": str(night.revision),
        },
        schema=delta.with_date(REJECTS),
        frames=lambda: _then_reach(steps.REJECTS_WRITING, read_rejects(staged)),
    )
    steps.reached(steps.REJECTS_COMMITTED)
    committed = commits.commit_predictions(
        plan.tables.predictions,
        replace(night, rejects_version=rejects_version),
        schema=delta.with_date(night_schema(plan.staging.schema, night.calibrated)),
        frames=lambda: _then_reach(
            steps.PREDICTIONS_WRITING, _with_calibrated(read_predictions(staged), night.calibrated)
        ),
    )
    steps.reached(steps.PREDICTIONS_COMMITTED)
    return committed


def night_schema(predictions: pl.Schema, calibrated: Mapping[str, bool]) -> pl.Schema:
    """Return the columns of the table of nights but for the date: those of predictions, and whether a task's scores are calibrated.

    Raises:
        ValueError: a task of a bundle from before has the name of such a column.
    """
    flags = [calibrated_column(task) for task in calibrated]
    taken = [name for name in flags if name in predictions]
    if taken:
        raise ValueError(
            f"task {taken[0]!r}: the nights have a column of this name of their own; expected another name"
        )
    return pl.Schema(dict(predictions) | dict.fromkeys(flags, pl.Boolean()))


def _with_calibrated(
    frames: Iterable[pl.DataFrame], calibrated: Mapping[str, bool]
) -> Iterator[pl.DataFrame]:
    flags = [pl.lit(value).alias(calibrated_column(task)) for task, value in calibrated.items()]
    for frame in frames:
        yield frame.with_columns(flags)


def _count_answers(tasks: Sequence[str], staged: Sequence[StagedShard]) -> dict[str, int]:
    """Return the number of documents with an answer, by task."""
    answered = dict.fromkeys(tasks, 0)
    for frame in read_predictions(staged, columns=list(tasks)) if tasks else ():
        for task in tasks:
            answered[task] += frame.height - frame[task].null_count()
    return answered


def _then_reach(step: str, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield the frames, and reach `step` when the table's writer has all of them and nothing is committed."""
    yield from frames
    steps.reached(step)
