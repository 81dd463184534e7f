"""Dates and time zones as users write them."""

from datetime import date

import pytest

from flows.dates import date_range, parse_date, time_zone


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


def test_unknown_time_zone() -> None:
    with pytest.raises(ValueError, match="timezone 'Berlin': no such zone"):
        time_zone("Berlin")
