"""The scheduled flow: scores the documents of the day before, and tries again where that may help."""

import time
from datetime import date
from pathlib import Path
from typing import Any

from prefect import Task, flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.runtime import flow_run

from flows import artifacts, night_page
from flows.dates import night_before
from flows.night import score_date
from flows.night_outcomes import NightOutcome, outcome_lines, outcome_rows
from flows.scoring_options import ScoringOptions, check_placeholder, load_settings

RETRY_SECONDS: list[float] = [300, 900, 3600]
"""Waits before a night is tried again, where the storage or a late file was at fault."""


def score_and_time(day: date, options: ScoringOptions) -> NightOutcome:
    """Score one date's documents; a night that is in the table is skipped, or with `rescore` replaced.

    Raises:
        ValueError: the source has no {date} in it.
        Whatever `flows.night.score_date` raises.
    """
    start = time.monotonic()
    if options.source is not None:
        check_placeholder(str(options.source))
    settings, gates = load_settings()
    summary = score_date(day, options, settings=settings, gates=gates)
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
    timezone: str = "UTC",
    *,
    bundle: str | None = None,
    as_corpus: str | None = None,
    accept_drift: bool = False,
) -> str:
    """Score the day before the run's scheduled start in `timezone`, however late the run is, and return the date."""
    scheduled = flow_run.scheduled_start_time
    assert scheduled is not None, "a flow run has a scheduled start"
    day = night_before(scheduled, timezone)
    options = ScoringOptions(
        source=source,
        bundle=Path(bundle) if bundle else None,
        as_corpus=as_corpus,
        accept_drift=accept_drift,
    )
    outcome = scheduled_night(day, options)
    logger = get_run_logger()
    for warning in outcome.warnings:
        logger.warning(warning)
    for line in outcome_lines([outcome]):
        logger.info(line)
    artifacts.publish_table(artifacts.NIGHT, outcome_rows([outcome]), description="The last night")
    artifacts.publish_link(
        artifacts.NIGHT_PAGE, night_page.page_path(day.isoformat()), description=f"The page of {day}"
    )
    return day.isoformat()
