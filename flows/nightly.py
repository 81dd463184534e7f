"""The scheduled flow: scores the documents of the day before, and tries again where that may help."""

import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from prefect import Task, flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import FlowRunContext
from prefect.runtime import flow_run

from flows import artifacts, night_page
from flows.errors import message
from flows.night import score_date
from flows.night_outcomes import NightOutcome, outcome_lines, outcome_rows
from flows.night_schedule import NightSchedule, choose_schedule, night_of_run, scheduled_days
from flows.scoring_options import ScoringOptions, check_placeholder, load_settings
from mgm.scoring.commits import current_revision
from mgm.scoring.delta import DATE, open_table

RETRY_SECONDS: list[float] = [300, 900, 3600]
"""Waits before a night is tried again, where the storage or a late file was at fault."""
LOOK_BACK = timedelta(days=31)
"""How far back a run looks for dates that are not in the table."""


def score_and_time(day: date, options: ScoringOptions) -> NightOutcome:
    """Score one date's documents; a night that is in the table is skipped, or with `rescore` replaced.

    Raises:
        ValueError: the source has no {date} in it.
        Whatever `flows.night.score_date` raises.
    """
    start = time.monotonic()
    if options.source is not None:
        check_placeholder(str(options.source))
    settings, gates, compute = load_settings()
    summary = score_date(day, options, settings=settings, gates=gates, compute=compute)
    return NightOutcome.from_summary(day, summary, seconds=time.monotonic() - start)


def _is_retryable(_: Task[Any, Any], __: TaskRun, state: State[Any]) -> bool:
    """Return whether the cause of a failure may be gone later: a full disk, a storage that does not answer, a file that is late.

    A night is committed once, however far an earlier try came, so that trying again is safe.
    """
    try:
        state.result()
    except OSError:
        return True
    except Exception:
        return False
    return False


@task(
    name="night",
    task_run_name="{day}",
    retries=len(RETRY_SECONDS),
    retry_delay_seconds=RETRY_SECONDS,
    retry_condition_fn=_is_retryable,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def scheduled_night(day: date, options: ScoringOptions) -> NightOutcome:
    """Score a night as `score_and_time` does, and try again where that may help."""
    return score_and_time(day, options)


@flow(name="nightly-score", persist_result=False)
def nightly_score(
    source: str | None = None,
    timezone: str | None = None,
    *,
    bundle: str | None = None,
    as_corpus: str | None = None,
    accept_drift: bool = False,
) -> str:
    """Score the day before the run's scheduled start, however late the run is, and return the date.

    Args:
        timezone: the time zone of days where the deployment has no schedule; beside a schedule, whose own it is, it is ignored.

    The others are those of `ScoringOptions`.
    """
    start, logger = flow_run.scheduled_start_time, get_run_logger()
    assert start is not None, "a flow run has a scheduled start"
    schedule = _read_schedule(timezone)
    if timezone not in (None, schedule.timezone):
        logger.warning(
            f"parameter timezone {timezone}: ignored, the schedule is in {schedule.timezone}; take it out of the deployment"
        )
    night = night_of_run(start, schedule)
    day = night.day
    if night.due > start and (seconds := (night.due - datetime.now(UTC)).total_seconds()) > 0:
        logger.info(
            f"the clocks change and this run is early: it waits until {night.due:%H:%M} UTC, when {day} is over"
        )
        time.sleep(seconds)
    options = ScoringOptions(
        source=source,
        bundle=Path(bundle) if bundle else None,
        as_corpus=as_corpus,
        accept_drift=accept_drift,
    )
    outcome = scheduled_night(day, options)
    for warning in outcome.warnings:
        logger.warning(warning)
    for line in outcome_lines([outcome]):
        logger.info(line)
    if missing := _try_describe_missing(schedule, day):
        logger.warning(missing)
    artifacts.publish_table(artifacts.NIGHT, outcome_rows([outcome]), description="The last night")
    artifacts.publish_link(
        artifacts.NIGHT_PAGE, night_page.page_path(day.isoformat()), description=f"The page of {day}"
    )
    return day.isoformat()


def _read_schedule(timezone: str | None) -> NightSchedule:
    """Return the schedule of this run, from its deployment."""
    context = FlowRunContext.get()
    run = None if context is None else context.flow_run
    if run is None or run.deployment_id is None:
        return choose_schedule([], None, timezone=timezone)
    with get_client(sync_client=True) as client:
        schedules = client.read_deployment(run.deployment_id).schedules
    by = run.created_by
    return choose_schedule(
        schedules, by.id if by is not None and by.type == "SCHEDULE" else None, timezone=timezone
    )


def _try_describe_missing(schedule: NightSchedule, day: date) -> str | None:
    """Return a line about the dates that are missing; where they cannot be found, the reason: the night is whole without."""
    try:
        missing = _missing_days(schedule, day)
    except Exception as error:
        return f"whether dates are missing in the table is not known: {message(error) or repr(error)}"
    if not missing:
        return None
    dates = ", ".join(map(str, missing))
    return f"not in the table: {dates}; `mgm backfill --from {missing[0]} --to {missing[-1]}` scores what is missing"


def _missing_days(schedule: NightSchedule, day: date) -> list[date]:
    """Return the dates before `day`, since the first night of the table, that the schedule had and the table has not."""
    settings = load_settings().score
    table = open_table(settings.table)
    if table is None:
        return []
    first = min((partition[DATE] for partition in table.partitions()), default=day.isoformat())
    days = scheduled_days(schedule, first=max(date.fromisoformat(first), day - LOOK_BACK), last=day)
    return [each for each in days if each < day and not current_revision(table, each)]
