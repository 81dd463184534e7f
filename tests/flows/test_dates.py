"""The dates of nights."""

from datetime import UTC, date, datetime

import pytest

from flows.dates import date_range, night_before, parse_date


def test_dates_are_inclusive_and_cross_months() -> None:
    assert [str(d) for d in date_range(date(2024, 2, 28), date(2024, 3, 1))] == [
        "2024-02-28",
        "2024-02-29",
        "2024-03-01",
    ]
    assert date_range(date(2026, 1, 1), date(2026, 1, 1)) == [date(2026, 1, 1)]
    with pytest.raises(ValueError, match="the first, 2026-01-02, comes after the last, 2026-01-01"):
        date_range(date(2026, 1, 2), date(2026, 1, 1))


@pytest.mark.parametrize(
    "text",
    ["2026-02-30", "yesterday", "20260101", "2026-W01-1", ""],
    ids=["no such day", "word", "compact", "week", "empty"],
)
def test_text_that_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match=f"date {text!r}: expected YYYY-MM-DD"):
        parse_date(text)


@pytest.mark.parametrize(
    ("scheduled", "zone", "night"),
    [
        ("2026-01-02T00:30:00+00:00", "Europe/Berlin", "2026-01-01"),
        ("2026-01-01T23:30:00+00:00", "Europe/Berlin", "2026-01-01"),
        ("2026-01-02T00:30:00+00:00", "America/New_York", "2025-12-31"),
        ("2026-03-29T00:30:00+00:00", "Europe/Berlin", "2026-03-28"),
    ],
    ids=["after midnight", "before midnight in UTC", "west", "short day"],
)
def test_night_is_the_day_before_the_scheduled_start(scheduled: str, zone: str, night: str) -> None:
    assert str(night_before(datetime.fromisoformat(scheduled), zone)) == night


def test_unknown_time_zone() -> None:
    with pytest.raises(ValueError, match="timezone 'Berlin': no such zone"):
        night_before(datetime.now(UTC), "Berlin")
