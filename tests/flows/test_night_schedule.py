"""The date of a scheduled run: by the schedule's own time zone, and every date once, whatever the clocks do."""

import asyncio
import functools
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import pytest
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from prefect.server.schemas import schedules as server

from flows.night_schedule import NightSchedule, check_interval, choose_schedule, night_of_run, scheduled_days

CRONS = ("0 0 * * *", "15 0 * * *", "30 0 * * *", "0 1 * * *", "30 2 * * *", "45 23 * * *")
ZONES = (
    "Africa/Cairo", "Africa/Casablanca", "America/Havana", "America/New_York", "America/Nuuk", "America/Santiago",
    "Antarctica/Troll", "Asia/Beirut", "Asia/Gaza", "Asia/Kathmandu", "Atlantic/Azores", "Australia/Lord_Howe", "Europe/Berlin", "UTC",
)  # fmt: skip
"""Every way in which clocks change in these years: at and before midnight, by half an hour and by two, and not at all."""
YEARS = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC))
DAY = timedelta(days=1)


@functools.cache
def changes(zone: str) -> tuple[tuple[datetime, timedelta], ...]:
    """Return the days after which a zone's clocks have changed, with the new offset; the first is that of the begin."""
    days = [YEARS[0] + n * DAY for n in range((YEARS[1] - YEARS[0]).days)]
    offsets = [day.astimezone(ZoneInfo(zone)).utcoffset() or timedelta() for day in days]
    return tuple(
        (day, offset)
        for n, (day, offset) in enumerate(zip(days, offsets, strict=True))
        if not n or offset != offsets[n - 1]
    )


def days_around(change: datetime, cron: str, zone: str) -> list[date]:
    """Return the dates that the runs score which Prefect schedules around a change."""
    schedule = server.CronSchedule(cron=cron, timezone=zone)
    starts = asyncio.run(schedule.get_dates(n=7, start=change - 4 * DAY))
    nights = NightSchedule(timezone=zone, rule={"cron": cron})
    return [night_of_run(start, nights).day for start in starts]


def wrong_days(zones: Iterable[str], last_year: int) -> list[str]:
    """Return the places where a date comes twice, or never, or is not the one before the schedule's, from 2026 on."""
    wrong = []
    for zone in zones:
        for cron in CRONS:
            for change in [day for day, _ in changes(zone) if day.year <= last_year]:
                days = days_around(change, cron, zone)
                first = (change - 4 * DAY).astimezone(ZoneInfo(zone)).date()
                if days != [days[0] + n * DAY for n in range(7)] or abs(days[0] - first) > DAY:
                    wrong.append(f"{cron} {zone} {change:%Y-%m-%d}: {', '.join(map(str, days))}")
    return wrong


@pytest.fixture
def quick_time_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Prefect list the names of all time zones, which takes long, once and not for each schedule."""
    names = tuple(available_timezones())
    monkeypatch.setattr("prefect._internal.schemas.validators.get_timezones", lambda: names)


@pytest.mark.usefixtures("quick_time_zones")
def test_every_date_comes_once() -> None:
    assert wrong_days(ZONES, 2026) == []


@pytest.mark.slow
@pytest.mark.usefixtures("quick_time_zones")
def test_every_date_comes_once_in_all_zones() -> None:
    """Of zones whose clocks are the same in these years one stands for all."""
    names = available_timezones() - {"localtime", "Factory"}  # this machine's own, and none
    zones = {changes(zone): zone for zone in sorted(names)}
    assert len(zones) > 50 and wrong_days(zones.values(), 2028) == []


@pytest.mark.parametrize(
    ("start", "zone", "cron", "night", "due"),
    [
        ("2026-01-02T00:30+00:00", "Europe/Berlin", "30 1 * * *", "2026-01-01", None),
        ("2026-01-01T23:30+00:00", "Europe/Berlin", "30 0 * * *", "2026-01-01", None),
        ("2026-01-02T00:30+00:00", "America/New_York", "30 19 * * *", "2025-12-31", None),
        ("2026-03-29T00:30+00:00", "Europe/Berlin", "30 1 * * *", "2026-03-28", None),
        ("2026-09-06T03:15+00:00", "America/Santiago", "15 0 * * *", "2026-09-05", "2026-09-06T04:15+00:00"),
        ("2026-09-06T04:15+00:00", "America/Santiago", "15 0 * * *", "2026-09-05", None),
        ("2026-09-06T03:15+00:00", "America/Santiago", "15 23 * * *", "2026-09-04", None),
        ("2026-09-06T03:15:01+00:00", "America/Santiago", "15 0 * * *", "2026-09-04", None),
        ("2026-03-29T00:45+00:00", "America/Nuuk", "45 23 * * *", "2026-03-27", "2026-03-29T01:45+00:00"),
    ],
    ids=[
        "after midnight", "before midnight in UTC", "west", "short day", "left-out time too early", "left-out time too late",
        "time that is there", "by hand", "left-out time before midnight",
    ],
)  # fmt: skip
def test_night_of_a_run(start: str, zone: str, cron: str, night: str, due: str | None) -> None:
    """A run that Prefect starts before its date is over is due later."""
    begin = datetime.fromisoformat(start)
    scored = night_of_run(begin, NightSchedule(timezone=zone, rule={"cron": cron}))
    assert (str(scored.day), scored.due) == (night, datetime.fromisoformat(due) if due else begin)


def test_a_recurrence_rule_is_read_as_a_cron_is() -> None:
    rule = RRuleSchedule(rrule="FREQ=DAILY;BYHOUR=0;BYMINUTE=15;BYSECOND=0", timezone="Africa/Cairo")
    start = datetime.fromisoformat("2026-04-23T21:15+00:00")
    assert str(night_of_run(start, NightSchedule.of(rule)).day) == "2026-04-23"


def test_scheduled_days_are_those_of_the_cron() -> None:
    schedule = NightSchedule.of(CronSchedule(cron="30 1 * * 2-6", timezone="Asia/Beirut"))
    days = scheduled_days(schedule, first=date(2026, 11, 5), last=date(2026, 11, 10))
    assert [day.day for day in days] == [5, 6, 9, 10]  # Monday to Friday
    every = scheduled_days(NightSchedule(), first=date(2026, 11, 5), last=date(2026, 11, 10))
    assert [day.day for day in every] == [5, 6, 7, 8, 9, 10]


BERLIN = SimpleNamespace(id=UUID(int=1), schedule=CronSchedule(cron="30 1 * * *", timezone="Europe/Berlin"))
TOKYO = SimpleNamespace(id=UUID(int=2), schedule=CronSchedule(cron="0 2 * * *", timezone="Asia/Tokyo"))
NO_ZONE = SimpleNamespace(id=UUID(int=3), schedule=IntervalSchedule(interval=DAY))


def test_the_schedule_that_made_a_run_gives_its_time_zone() -> None:
    """Whatever the parameter says; a schedule of a former deployment is gone, and one of the same zone is as good."""
    chosen = choose_schedule([BERLIN, TOKYO], TOKYO.id, timezone="UTC")
    assert (chosen.timezone, chosen.rule["cron"]) == ("Asia/Tokyo", "0 2 * * *")
    assert choose_schedule([BERLIN], UUID(int=9), timezone=None).rule["cron"] == "30 1 * * *"
    assert choose_schedule([BERLIN, BERLIN], None, timezone="UTC") == NightSchedule(timezone="Europe/Berlin")
    assert choose_schedule([NO_ZONE], NO_ZONE.id, timezone=None).timezone == "UTC"


def test_a_run_without_a_schedule_takes_the_parameter() -> None:
    assert choose_schedule([], None, timezone="Asia/Tokyo") == NightSchedule(timezone="Asia/Tokyo")
    assert choose_schedule([], None, timezone=None) == NightSchedule(timezone="UTC")
    assert choose_schedule([BERLIN, TOKYO], None, timezone="Asia/Tokyo").timezone == "Asia/Tokyo"
    with pytest.raises(
        ValueError, match="schedules are in Europe/Berlin, Asia/Tokyo, and this run is of none"
    ):
        choose_schedule([BERLIN, TOKYO], None, timezone=None)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Santiago", "Antarctica/Troll"])
def test_a_daily_interval_where_clocks_change_is_refused(zone: str) -> None:
    """At the run, by the cron that means what was meant; a run by hand is not concerned."""
    anchor = datetime(2026, 1, 5, 0, 15, tzinfo=ZoneInfo(zone))
    daily = SimpleNamespace(
        id=UUID(int=4), schedule=IntervalSchedule(interval=DAY, anchor_date=anchor, timezone=zone)
    )
    with pytest.raises(
        ValueError, match=rf'^schedule `interval: 86400` in {zone}: .* expected `cron: "15 0 '
    ) as error:
        choose_schedule([daily], daily.id, timezone=None)
    assert "\n" not in str(error.value)
    assert choose_schedule([daily], None, timezone=None).timezone == zone


@pytest.mark.usefixtures("quick_time_zones")
@pytest.mark.parametrize(
    ("zone", "hours"), [("Asia/Kathmandu", 24), ("UTC", 24), ("Europe/Berlin", 12), ("Antarctica/Troll", 6)]
)
def test_intervals_that_are_allowed_lose_no_date(zone: str, hours: int) -> None:
    """Shorter ones come several times a day, of which the first scores."""
    fields = {
        "interval": timedelta(hours=hours),
        "anchor_date": datetime(2025, 12, 31, 23, 45, tzinfo=UTC),
        "timezone": zone,
    }
    check_interval(IntervalSchedule(**fields))
    for change, _ in changes(zone):
        dates = server.IntervalSchedule(**fields).get_dates(n=7 * 24 // hours, start=change - 4 * DAY)
        days = [night_of_run(start, NightSchedule(timezone=zone)).day for start in asyncio.run(dates)]
        assert [b - a for a, b in pairwise(dict.fromkeys(days))] == [DAY] * (len(set(days)) - 1)
        assert hours < 24 or len(set(days)) == len(days)
