"""Dates and time zones as users write them."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def parse_date(text: str) -> date:
    """Return the date of YYYY-MM-DD.

    Raises:
        ValueError: the text is no such date.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"date {text!r}: expected YYYY-MM-DD ({error})") from error
    if day.isoformat() != text:
        raise ValueError(f"date {text!r}: expected YYYY-MM-DD, as in {day.isoformat()}")
    return day


def date_range(first: date, last: date) -> list[date]:
    """Return every date from `first` to `last`, both included.

    Raises:
        ValueError: `first` comes after `last`.
    """
    if first > last:
        raise ValueError(f"dates: the first, {first}, comes after the last, {last}")
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def time_zone(name: str) -> ZoneInfo:
    """Return the time zone of a name such as Europe/Berlin.

    Raises:
        ValueError: there is no such time zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"timezone {name!r}: no such zone, expected a name such as Europe/Berlin") from error
