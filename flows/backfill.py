"""Many dates scored as nights, resumable: a night that is in the table is skipped.

`mgm backfill --from 2026-01-01 --to 2026-01-31 --input 'incoming/{date}.jsonl'`
"""

import sys

if __name__ == "__main__":  # before all else: the command imports this module by its name
    from flows.cli import main

    sys.exit(main(["backfill", *sys.argv[1:]]))

# isort: split
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture

from flows import artifacts, processes, server
from flows.dates import date_range
from flows.errors import CommandFailed
from flows.fan_out import run_tasks
from flows.night import SCORED
from flows.night_files import SUMMARY
from flows.night_outcomes import (
    FAILED,
    NightOutcome,
    outcome_lines,
    outcome_rows,
    write_backfill_summary,
)
from flows.nightly import score_and_time
from flows.nights_index import try_write_index
from flows.scoring_options import ScoringOptions, check_placeholder, load_settings
from mgm.files import read_json
from mgm.scoring.commits import current_revision
from mgm.scoring.delta import open_table

_MAX_ERROR_LINES = 20


class NightsFailed(CommandFailed):
    """At least one night failed; the message names each with its reason."""


class NightFailed(CommandFailed):
    """A night's process ended with an error, which is the message."""


# no retries: a backfill is run again by hand, which tries only the nights that failed
@task(name="night", task_run_name="{day}", retries=0, cache_policy=NO_CACHE, persist_result=False)
def score_in_subprocess(day: date, options: ScoringOptions, *, api: str | None) -> NightOutcome:
    """Score a night in a separate process and flow run; its output goes to this task's log.

    A night that is in the table is skipped without one.

    Args:
        api: the address of Prefect's server; None: the process starts its own.

    Raises:
        NightFailed: the process ended with an error.
    """
    start, settings = time.monotonic(), load_settings().score
    if current_revision(open_table(settings.table), day) and not options.rescore:
        # as the process would, this also finishes what a kill has left undone after the commit
        return score_and_time(day, options)
    logger, lines = get_run_logger(), list[str]()

    def on_line(line: str) -> None:
        lines.append(line)
        logger.info("%s", line)

    environment = {} if api is None else {"PREFECT_API_URL": api}
    status = processes.run(_command(day, options), Path(), on_line=on_line, environment=environment)
    if status:
        raise NightFailed(_describe_failure(status, lines))
    summary = read_json(Path(settings.staging_dir) / day.isoformat() / SUMMARY)
    return NightOutcome.from_summary(day, summary | {"state": SCORED}, seconds=time.monotonic() - start)


def _command(day: date, options: ScoringOptions) -> list[str]:
    command = [sys.executable, "-m", "flows.cli", "score", "--date", day.isoformat()]
    for name, value in (
        ("--input", options.source),
        ("--bundle", options.bundle),
        ("--as-corpus", options.as_corpus),
    ):
        command += [] if value is None else [name, str(value)]
    return command + ["--accept-drift"] * options.accept_drift + ["--rescore"] * options.rescore


def _describe_failure(status: int, lines: list[str]) -> str:
    """Return the error that a night's process printed, or its last lines."""
    first = next(
        (i for i, line in enumerate(lines) if line.startswith("error: ")),
        max(0, len(lines) - _MAX_ERROR_LINES),
    )
    killed = f"killed by signal {-status}\n" if status < 0 else ""
    return killed + "\n".join(lines[first:]).removeprefix("error: ")


@flow(name="backfill", persist_result=False)
def backfill(  # noqa: PLR0913  (the parameters of a deployment)
    first: date,
    last: date,
    *,
    source: str | None = None,
    bundle: str | None = None,
    as_corpus: str | None = None,
    accept_drift: bool = False,
    rescore: bool = False,
) -> None:
    """Score each date from `first` to `last`; the parameters are those of `score_dates`."""
    options = ScoringOptions(
        source=source,
        bundle=Path(bundle) if bundle else None,
        as_corpus=as_corpus,
        accept_drift=accept_drift,
        rescore=rescore,
    )
    score_dates(first, last, options=options)


def score_dates(first: date, last: date, *, options: ScoringOptions) -> None:
    """Score each date as a separate night, `score.nights_at_once` at a time; one that fails does not stop the others.

    Nights that are in the table are skipped, or with `rescore` replaced. The summary is logged, written to
    reports/nights/backfill.csv, and published as an artifact.

    Raises:
        NightsFailed: after the last night, where any failed.
    """
    settings, gates, _ = load_settings()
    days = {day.isoformat(): day for day in date_range(first, last)}
    options = replace(options, source=options.source or settings.input)
    check_placeholder(str(options.source))
    api, logger, title = server.api_url(), get_run_logger(), f"Nights from {first} to {last}"

    def submit(name: str, _: list[PrefectFuture[NightOutcome]]) -> PrefectFuture[NightOutcome]:
        return score_in_subprocess.submit(days[name], options, api=api, return_state=False)

    progress = artifacts.Progress(artifacts.BACKFILL_PROGRESS, title, total=len(days))

    def on_end(num_done: int) -> None:
        logger.info("%s of %s nights have ended", num_done, len(days))
        progress.update(num_done)

    try:
        scored, failures = run_tasks(
            {name: [] for name in days}, max_running=settings.nights_at_once, submit=submit, on_end=on_end
        )
    except BaseException:  # an interrupt, a cancelled run, SIGTERM: the nights must not outlive it
        processes.terminate_all()
        raise
    outcomes = [
        scored[name]
        if name in scored
        else NightOutcome(day=day, state=FAILED, error=str(failures[name]) or repr(failures[name]))
        for name, day in days.items()
    ]
    for line in outcome_lines(outcomes):
        logger.info(line)
    write_backfill_summary(outcomes)
    try_write_index(settings, gates.drift)  # nights side by side may each have missed the other
    artifacts.publish_table(artifacts.BACKFILL, outcome_rows(outcomes), description=title)
    failed = [outcome for outcome in outcomes if outcome.state == FAILED]
    if failed:
        errors = "".join(f"\n  {outcome.day}: {outcome.error}" for outcome in failed)
        raise NightsFailed(
            f"{len(failed)} of {len(outcomes)} nights failed; run again to try only those:{errors}"
        )


def run_backfill(first: date, last: date, *, options: ScoringOptions) -> None:
    """Run the flow with a temporary server where no other is set, and raise what it failed with.

    Raises:
        ValueError: before anything is scored: the dates are reversed, or the source is not one a date.
        NightsFailed: after the last night, where any failed.
    """
    date_range(first, last)
    if options.source is not None:
        check_placeholder(str(options.source))
    server.start_temporary()
    state: Any = backfill(
        first,
        last,
        source=None if options.source is None else str(options.source),
        bundle=None if options.bundle is None else str(options.bundle),
        as_corpus=options.as_corpus,
        accept_drift=options.accept_drift,
        rescore=options.rescore,
        return_state=True,
    )
    if not state.is_completed():
        raise state.result(raise_on_failure=False)
