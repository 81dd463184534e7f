"""The date that a scheduled run scores: the one before the day of its schedule, whatever the clocks do.

Where clocks change at midnight, a time such as 00:15 is left out once a year. Prefect starts that run all the same, at the time that
00:15 would be by the clock before or after the change: 23:15 of the day before, for example. So the day of a run is not that of its
start, but that of the time which its schedule means.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flows.dates import date_range, time_zone

DEFAULT_TIMEZONE = "UTC"
"""The time zone of a schedule that names none, as Prefect has it, and of runs without a schedule."""
_DAY = timedelta(days=1)
_SHORT_INTERVAL = timedelta(hours=12)
"""Every day of every zone is longer, so that one of the runs is in it."""
_YEARS_AHEAD = 2


@dataclass(frozen=True, kw_only=True)
class NightSchedule:
    """The schedule of nights.

    Attributes:
        timezone: its time zone.
        rule: its times of day as Prefect's fields have them: `cron` and `day_or`, or `rrule`; empty: there are no such times.
    """

    timezone: str = DEFAULT_TIMEZONE
    rule: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, schedule: Any) -> "NightSchedule":
        """Return one of Prefect's schedules, of whichever kind, as that of nights."""
        rule = {
            name: getattr(schedule, name) for name in ("cron", "day_or", "rrule") if hasattr(schedule, name)
        }
        return cls(timezone=getattr(schedule, "timezone", None) or DEFAULT_TIMEZONE, rule=rule)


@dataclass(frozen=True, kw_only=True)
class ScheduledNight:
    """The date that a run scores, and when that date's documents are complete as far as the schedule goes."""

    day: date
    due: datetime
    """The start of the run, or where Prefect starts it too early the time that its schedule means."""


def night_of_run(start: datetime, schedule: NightSchedule) -> ScheduledNight:
    """Return the night of a run by its scheduled start.

    Raises:
        ValueError: there is no such time zone.
    """
    zone = time_zone(schedule.timezone)
    time = start.astimezone(zone).replace(tzinfo=None)
    if len(times := _wall_times(start, zone)) > 1:
        # of two times of the schedule the earlier one is of the date that the run before has scored
        time = max((each for each in times if _wall_clock_times(schedule, each, last=each)), default=time)
    due = time.replace(tzinfo=zone).astimezone(UTC)
    return ScheduledNight(day=time.date() - _DAY, due=max(start.astimezone(UTC), due))


def scheduled_days(schedule: NightSchedule, *, first: date, last: date) -> list[date]:
    """Return the dates from `first` to `last` that the runs of a schedule score."""
    if not schedule.rule:
        return date_range(first, last)
    begin, end = (datetime.combine(day + _DAY, datetime.min.time()) for day in (first, last))
    times = _wall_clock_times(schedule, begin, last=end + _DAY - timedelta(seconds=1))
    return sorted({time.date() - _DAY for time in times})


def check_interval(schedule: Any) -> None:
    """Check that one of Prefect's schedules, where it is an interval, loses no date.

    An interval of a day is counted in seconds from its anchor, so that clocks that change move its times of day, and one near
    midnight into another date.

    Raises:
        ValueError: clocks change in its time zone; the message has the cron to write in its place.
    """
    interval = getattr(schedule, "interval", None)
    name = getattr(schedule, "timezone", None) or DEFAULT_TIMEZONE
    if interval is None or interval <= _SHORT_INTERVAL:
        return
    zone, now = time_zone(name), datetime.now(UTC)
    days = (now + n * _DAY for n in range(366 * _YEARS_AHEAD))
    if len({day.astimezone(zone).utcoffset() for day in days}) == 1:
        return
    time = schedule.anchor_date.astimezone(zone)
    raise ValueError(
        f"schedule `interval: {interval.total_seconds():.0f}` in {name}: clocks change there, and an interval would lose or repeat "
        f'a date; expected `cron: "{time.minute} {time.hour} * * *"`, or the timezone UTC'
    )


def choose_schedule(
    schedules: Sequence[Any], run_schedule: UUID | None, *, timezone: str | None
) -> NightSchedule:
    """Return the schedule by which a run's date is counted.

    Args:
        schedules: those of the run's deployment, as Prefect's client gives them.
        run_schedule: the id of the one that made the run; None: it was started by hand.
        timezone: the flow's parameter, for runs to which no schedule gives a time zone.

    Raises:
        ValueError: a run is of no schedule, and those of its deployment are in several time zones; or see `check_interval`.
    """
    of_run = [each for each in schedules if each.id == run_schedule]
    for each in of_run:
        check_interval(each.schedule)
    nights = [NightSchedule.of(each.schedule) for each in of_run or schedules]
    zones = list(dict.fromkeys(night.timezone for night in nights))
    if len(zones) > 1 and timezone is None:
        raise ValueError(
            f"the deployment's schedules are in {', '.join(zones)}, and this run is of none of them; expected the parameter timezone"
        )
    if len(zones) != 1:
        return NightSchedule(timezone=timezone or DEFAULT_TIMEZONE)
    return nights[0] if len(nights) == 1 else NightSchedule(timezone=zones[0])


def _wall_times(instant: datetime, zone: ZoneInfo) -> list[datetime]:
    """Return the times of the wall clock that mean an instant: the one that it shows, and one that a change leaves out."""
    utc = instant.astimezone(UTC)
    offsets = {(utc + shift).astimezone(zone).utcoffset() for shift in (-_DAY, timedelta(), _DAY)}
    times = {utc.replace(tzinfo=None) + (offset or timedelta()) for offset in offsets}
    return [
        time
        for time in sorted(times)
        if any(time.replace(tzinfo=zone, fold=fold).astimezone(UTC) == utc for fold in (0, 1))
    ]


def _wall_clock_times(schedule: NightSchedule, first: datetime, *, last: datetime) -> list[datetime]:
    """Return the times of the wall clock that a schedule means, from one to another; they know no time zone."""
    if not schedule.rule:
        return []
    # imported here, since it brings Prefect's server, and a run needs it only where clocks change or dates are missing
    from prefect.server.schemas.schedules import CronSchedule, RRuleSchedule

    kind = CronSchedule if "cron" in schedule.rule else RRuleSchedule
    rule = kind(**schedule.rule, timezone="UTC")
    times = asyncio.run(rule.get_dates(start=first.replace(tzinfo=UTC), end=last.replace(tzinfo=UTC)))
    return [time.replace(tzinfo=None) for time in times]
