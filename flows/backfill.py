"""Nights: one date's documents scored by `flows.score`, by schedule, or many dates at once, resumable.

`python -m flows.backfill --from 2026-01-01 --to 2026-01-31 --input 'incoming/{date}.jsonl'`
"""

import argparse
import csv
import io
import os
import sys
import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import flows.environment  # noqa: F401  (before Prefect, which reads the environment when it is imported)

# isort: split
from prefect import Task, flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run

from flows import artifacts, night_page, processes, server
from flows.fan_out import run_tasks
from flows.project import REPORTS
from flows.score import PLACEHOLDER, SCORED, SUMMARY, load_settings, parse_date, score
from mgm.files import read_json
from mgm.scoring import table as tables

FAILED = "failed"
RETRY_SECONDS: list[float] = [300, 900, 3600]
"""After which a night by schedule is tried again, where the storage or a late file was at fault."""


class NightsFailed(RuntimeError):
    """At least one night failed. The message names each with its reason."""


class NightFailed(RuntimeError):
    """A night's process ended with an error. The message is what it said."""


@dataclass(frozen=True)
class Night:
    """What became of one date: `state` is scored, skipped (in the table before) or failed (`error` says why)."""

    date: date
    state: str
    seconds: float = 0.0
    rows_in: int = 0
    predictions: int = 0
    rejected: int = 0
    error: str = ""
    warnings: tuple[str, ...] = ()
    """What the gate warned of."""


def night_of(day: date, summary: dict[str, Any], seconds: float) -> Night:
    """From what `flows.score.score` returns."""
    return Night(
        day,
        summary["state"],
        seconds,
        summary["rows_in"],
        summary["predictions"],
        summary["rejected"],
        warnings=(*summary["warnings"], *summary["broken"]),
    )


@dataclass(frozen=True)
class ScoringOptions:
    """How nights are scored; see `flows.score.score`."""

    source: str
    bundle: str | None = None
    like: str | None = None
    accept_drift: bool = False
    rescore: bool = False


def dates(first: date, last: date) -> list[date]:
    """Every date from `first` to `last`, both included.

    Raises:
        ValueError: `first` comes after `last`.
    """
    if first > last:
        raise ValueError(f"dates: the first, {first}, comes after the last, {last}")
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def score_night(day: date, how: ScoringOptions) -> Night:
    """Scores one date's documents; a night that is in the table is skipped, or with `rescore` replaced.

    Whatever `flows.score.score` raises is raised.
    """
    started = time.monotonic()
    bundle = Path(how.bundle) if how.bundle else None
    _check_source(how.source)
    found = score(day, how.source, bundle, how.like, *load_settings(), how.accept_drift, how.rescore)
    return night_of(day, found, time.monotonic() - started)


def _check_source(pattern: str) -> None:
    if PLACEHOLDER not in pattern:
        raise ValueError(
            f"input {pattern!r}: expected {PLACEHOLDER} in it, or every night would read the same documents"
        )


def night_before(start: datetime, timezone: str) -> date:
    """The date before the one that `start` falls on in a time zone.

    Raises:
        ValueError: there is no such time zone.
    """
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"timezone {timezone!r}: no such zone, expected a name as Europe/Berlin") from error
    return start.astimezone(zone).date() - timedelta(days=1)


def rows(nights: list[Night]) -> list[dict[str, Any]]:
    """The nights as rows of the summary table."""
    return [
        {
            "date": n.date.isoformat(),
            "state": n.state,
            "documents": n.rows_in,
            "predictions": n.predictions,
            "rejected": n.rejected,
            "seconds": round(n.seconds, 1),
            "note": _note(n),
        }
        for n in nights
    ]


def table(nights: list[Night]) -> list[str]:
    """The nights as lines of a table."""
    head = f"{'date':<10}  {'state':<7} {'documents':>11} {'predictions':>11} {'rejected':>9} {'seconds':>8}"
    lines = [
        f"{r['date']}  {r['state']:<7} {r['documents']:>11,} {r['predictions']:>11,} {r['rejected']:>9,} "
        f"{r['seconds']:>8.1f}  {r['note']}"
        for r in rows(nights)
    ]
    return [head, *(line.rstrip() for line in lines)]


def _note(night: Night) -> str:
    """The first line of what went wrong, or how much was warned of."""
    if night.error:
        return night.error.splitlines()[0]
    return (
        f"warnings: {len(night.warnings)} ({night_page.path(night.date.isoformat())})"
        if night.warnings
        else ""
    )


def is_retryable(_: Task[Any, Any], __: TaskRun, state: State[Any]) -> bool:
    """Whether what failed a night may be gone later: a full disk, a storage that does not answer, a file that is not there
    yet. A night is committed once, whatever was done before, so that trying again is safe."""
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
    retry_condition_fn=is_retryable,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def scheduled_night(day: date, how: ScoringOptions) -> Night:
    """`score_night`, tried again where that may help."""
    return score_night(day, how)


@flow(name="nightly-score", persist_result=False)
def nightly_score(
    source: str | None = None,
    timezone: str = "UTC",
    bundle: str | None = None,
    like: str | None = None,
    accept_drift: bool = False,
) -> str:
    """Judges and scores the day before the run's scheduled start in `timezone`, however late it is. Returns the date."""
    scheduled = flow_run.scheduled_start_time
    assert scheduled is not None, "a flow run has a scheduled start"
    day = night_before(scheduled, timezone)
    night = scheduled_night(
        day, ScoringOptions(source or load_settings()[0].input, bundle, like, accept_drift)
    )
    for warning in night.warnings:
        get_run_logger().warning(warning)
    for line in table([night]):
        get_run_logger().info(line)
    artifacts.publish_table(artifacts.NIGHT, rows([night]), "The last night")
    artifacts.publish_link(artifacts.NIGHT_PAGE, night_page.path(day.isoformat()), f"The page of {day}")
    return day.isoformat()


# A backfill is run again by hand, which tries what failed and only that.
@task(name="night", task_run_name="{day}", retries=0, cache_policy=NO_CACHE, persist_result=False)
def score_in_subprocess(day: date, how: ScoringOptions, api: str | None) -> Night:
    """Scores a night in a process, and so in a flow run, of its own; its output goes to this task's log.

    A night that is in the table is skipped without one.

    Raises:
        NightFailed: it ended with an error.
    """
    started, settings = time.monotonic(), load_settings()[0]
    there = tables.open_table(settings.table)
    if tables.revision(there, day) and not how.rescore:
        # As the process would: it also finishes what a kill has left undone after the commit.
        return score_night(day, how)
    command = [sys.executable, "-m", "flows.score", "--date", day.isoformat(), "--input", how.source]
    command += ["--bundle", how.bundle] if how.bundle else []
    command += ["--like", how.like] if how.like else []
    command += ["--accept-drift"] * how.accept_drift + ["--rescore"] * how.rescore
    logger, said = get_run_logger(), list[str]()

    def on_line(line: str) -> None:
        said.append(line)
        logger.info("%s", line)

    environment = {} if api is None else {"PREFECT_API_URL": api}
    status = processes.run(command, Path(), on_line, environment)
    if status:
        begins = next(
            (i for i, line in enumerate(said) if line.startswith("error: ")), max(0, len(said) - 20)
        )
        ended = f"killed by signal {-status}\n" if status < 0 else ""
        raise NightFailed(ended + "\n".join(said[begins:]).removeprefix("error: "))
    summary = read_json(Path(settings.staging_dir) / day.isoformat() / SUMMARY)
    return night_of(day, summary | {"state": SCORED}, time.monotonic() - started)


@flow(name="backfill", persist_result=False)
def backfill(
    first: date,
    last: date,
    source: str | None = None,
    bundle: str | None = None,
    like: str | None = None,
    accept_drift: bool = False,
    rescore: bool = False,
) -> None:
    """Scores each date from `first` to `last` as a night of its own, `score.nights_at_once` at a time; one that fails does
    not stop the others. Nights that are in the table are skipped, or with `rescore` replaced. The summary is logged,
    written to reports/nights/backfill.csv, and shown as an artifact.

    Raises:
        NightsFailed: after the last night, where any failed.
    """
    settings, days = load_settings()[0], {day.isoformat(): day for day in dates(first, last)}
    how = ScoringOptions(source or settings.input, bundle, like, accept_drift, rescore)
    _check_source(how.source)
    api, logger = server.api_url(), get_run_logger()

    def submit(name: str, _: list[PrefectFuture[Night]]) -> PrefectFuture[Night]:
        return score_in_subprocess.submit(days[name], how, api, return_state=False)

    progress = artifacts.Progress(artifacts.BACKFILL_PROGRESS, f"Nights from {first} to {last}", len(days))

    def ended(done: int) -> None:
        logger.info("%s of %s nights have ended", done, len(days))
        progress.update(done)

    try:
        found, failures = run_tasks(
            {name: [] for name in days}, max_running=settings.nights_at_once, submit=submit, on_end=ended
        )
    except BaseException:  # an interrupt, a cancelled run, SIGTERM: the nights must not outlive it
        processes.terminate_all()
        raise
    nights = [
        found[name]
        if name in found
        else Night(day, FAILED, error=str(failures[name]) or repr(failures[name]))
        for name, day in days.items()
    ]
    for line in table(nights):
        logger.info(line)
    write_summary(nights)
    artifacts.publish_table(artifacts.BACKFILL, rows(nights), f"Nights from {first} to {last}")
    failed = [night for night in nights if night.state == FAILED]
    if failed:
        each = "".join(f"\n  {night.date}: {night.error}" for night in failed)
        raise NightsFailed(
            f"{len(failed)} of {len(nights)} nights failed; run again to try only those:{each}"
        )


def write_summary(nights: list[Night]) -> Path:
    """Writes the summary of a backfill, which replaces that of the one before, atomically."""
    path, text = REPORTS / "nights" / "backfill.csv", io.StringIO()
    found = rows(nights)
    writer = csv.DictWriter(text, list(found[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text.getvalue(), encoding="utf-8")
    os.replace(temporary, path)
    return path


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.backfill", description="Scores many dates, resumable."
    )
    parser.add_argument("--from", dest="first", required=True, metavar="YYYY-MM-DD", help="the first date")
    parser.add_argument(
        "--to", dest="last", required=True, metavar="YYYY-MM-DD", help="the last date, included"
    )
    parser.add_argument(
        "--input",
        help="the documents of a date: a path with {date} in it; default: score.input of params.yaml",
    )
    parser.add_argument("--bundle", help="folder of a bundle; default: the champion's")
    parser.add_argument(
        "--like", metavar="CORPUS", help="read the documents with this corpus's columns and text settings"
    )
    parser.add_argument(
        "--accept-drift",
        action="store_true",
        help="score nights too that are far from the documents of training; their summary.json says so",
    )
    parser.add_argument(
        "--rescore", action="store_true", help="score nights that are there again, and replace them"
    )
    given = parser.parse_args(arguments)
    try:
        first, last = parse_date(given.first), parse_date(given.last)
        dates(first, last)
        if given.input is not None:
            _check_source(given.input)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    server.start_temporary()
    state: Any = backfill(
        first,
        last,
        given.input,
        given.bundle,
        given.like,
        given.accept_drift,
        given.rescore,
        return_state=True,
    )
    if not state.is_completed():
        print(f"error: {state.result(raise_on_failure=False)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
