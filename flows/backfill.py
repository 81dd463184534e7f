"""Nights: one date's documents scored by `flows.score`, by schedule, or many dates at once, resumable.

`python -m flows.backfill --from 2026-01-01 --to 2026-01-31 --input 'incoming/{date}.jsonl'`
"""

import argparse
import sys
import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import flows.environment  # noqa: F401  (before Prefect, which reads the environment when it is imported)

# isort: split
from prefect import flow, get_run_logger
from prefect.runtime import flow_run

from flows import night_page, server
from flows.score import PLACEHOLDER, here, parse_date, score


class NightsFailed(RuntimeError):
    """At least one night failed. The message names each with its reason."""


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


def dates(first: date, last: date) -> list[date]:
    """Every date from `first` to `last`, both included.

    Raises:
        ValueError: `first` comes after `last`.
    """
    if first > last:
        raise ValueError(f"dates: the first, {first}, comes after the last, {last}")
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def score_night(
    day: date,
    source: str,
    bundle: str | None = None,
    like: str | None = None,
    accept_drift: bool = False,
    rescore: bool = False,
) -> Night:
    """Scores one date's documents; a night that is in the table is skipped, or with `rescore` replaced.

    `source` is a path with {date} in it. Whatever `flows.score.score` raises is raised.
    """
    started = time.monotonic()
    given = Path(bundle) if bundle else None
    _check_source(source)
    found = score(day, source, given, like, *here(), accept_drift, rescore)
    return Night(
        day,
        found["state"],
        time.monotonic() - started,
        found["rows_in"],
        found["predictions"],
        found["rejected"],
        warnings=(*found["warnings"], *found["broken"]),
    )


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


def table(nights: list[Night]) -> list[str]:
    """The nights as lines of a table."""
    head = f"{'date':<10}  {'state':<7} {'documents':>11} {'predictions':>11} {'rejected':>9} {'seconds':>8}"
    rows = [
        f"{n.date}  {n.state:<7} {n.rows_in:>11,} {n.predictions:>11,} {n.rejected:>9,} "
        f"{n.seconds:>8.1f}  {_note(n)}"
        for n in nights
    ]
    return [head, *(row.rstrip() for row in rows)]


def _note(night: Night) -> str:
    """The first line of what went wrong, or how much was warned of."""
    if night.error:
        return night.error.splitlines()[0]
    return (
        f"warnings: {len(night.warnings)} ({night_page.path(night.date.isoformat())})"
        if night.warnings
        else ""
    )


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
    night = score_night(day, source or here()[0].input, bundle, like, accept_drift)
    for warning in night.warnings:
        get_run_logger().warning(warning)
    for line in table([night]):
        get_run_logger().info(line)
    return day.isoformat()


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
    """Scores each date from `first` to `last` as a night of its own; one that fails does not stop the others. Nights that
    are in the table are skipped, or with `rescore` replaced.

    Raises:
        NightsFailed: after the last night, where any failed.
    """
    source = source or here()[0].input
    nights = []
    for day in dates(first, last):
        started = time.monotonic()
        try:
            nights.append(score_night(day, source, bundle, like, accept_drift, rescore))
        except (
            Exception
        ) as error:  # reported in the table and in NightsFailed: the other nights are still wanted
            nights.append(Night(day, "failed", time.monotonic() - started, error=str(error) or repr(error)))
        get_run_logger().info("night %s: %s %s", day, nights[-1].state, nights[-1].error)
        for warning in nights[-1].warnings:
            get_run_logger().warning("night %s: %s", day, warning)
    for line in table(nights):
        get_run_logger().info(line)
    failed = [night for night in nights if night.state == "failed"]
    if failed:
        each = "".join(f"\n  {night.date}: {night.error}" for night in failed)
        raise NightsFailed(
            f"{len(failed)} of {len(nights)} nights failed; run again to try only those:{each}"
        )


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
