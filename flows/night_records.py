"""The records of the newest nights: the table's commits, with what lies beside them of each night.

The commits alone say which nights are scored. Drift, refusals and facts are files that may be gone, broken, or of another version:
then they are left out with a note.
"""

import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from deltalake import DeltaTable

from flows.committed_night import read_committed_night
from flows.night_facts import NightFacts, facts_path, read_facts
from flows.night_files import REFUSED, VERDICT
from flows.night_page import NIGHTS, page_path
from mgm.files import read_json
from mgm.scoring import commits, delta
from mgm.scoring.commits import Night
from mgm.scoring.history import newest_commits
from mgm.settings.scoring import ScoreSettings

MAX_NIGHTS = 400
"""The most dates that the index of nights shows: a year and a month, so that a night's cost stays the same over years."""
MAX_REASON = 300
"""The most characters of the reasons for a refusal that are shown."""
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class NightRecord:
    """All that is known of a date.

    Attributes:
        night: the metadata of its last commit; None: it is not in the table.
        facts: the facts of that commit.
        drift: the largest excess of each statistic over corpora and aspects; empty where drift was not measured.
        refusal: the reason of the gate's refusal of the last run; None: it was not refused.
        page: the name of its page in reports/nights.
    """

    day: date
    night: Night | None = None
    facts: NightFacts | None = None
    drift: Mapping[str, float] = field(default_factory=dict)
    refusal: str | None = None
    page: str | None = None


@dataclass(frozen=True, kw_only=True)
class NightRecords:
    """The nights by date, and notes about those of which something is missing.

    Attributes:
        num_older: the number of older dates, whose records were not read.
    """

    nights: list[NightRecord]
    notes: list[str]
    num_older: int = 0


def read_records(settings: ScoreSettings, *, newest: int = MAX_NIGHTS) -> NightRecords:
    """Return the records of the newest dates that are in the table, were refused, or have a page.

    It reads of the table's log and of the nights' files what these dates need, so that a night does not take longer with the number of
    those before it.

    Raises:
        OSError: the table cannot be read.
    """
    notes: list[str] = []
    table = delta.open_table(settings.table)
    staging = Path(settings.staging_dir)
    refused = [path.parent.name for path in staging.glob(f"*/{REFUSED}")]
    pages = [path.stem for path in NIGHTS.glob("*.html")]
    partitions = [] if table is None else [partition[delta.DATE] for partition in table.partitions()]
    dates = _dates({*refused, *pages, *partitions})
    nights = _read_nights(table, dates=set(list(dates)[-newest:]) & set(partitions))
    dates = _dates({*dates, *nights})
    shown = dict(list(dates.items())[-newest:])
    for name in shown.keys() - nights.keys():
        # of nights whose entry is gone from the log the rows are there, as partitions
        night = read_committed_night(table, shown[name], settings=settings)
        if night is not None:
            nights[name] = night
    records = [
        _read_record(day, name, night=nights.get(name), folder=staging / name, notes=notes)
        for name, day in shown.items()
    ]
    for what, count in {
        "not in the table, of which only a page is left": sum(not r.night and not r.refusal for r in records),
        "without a page": sum(bool(r.night) and not r.page for r in records),
        "without time and labels, since they were scored before these were recorded, or their file is gone": sum(
            bool(r.night) and not r.facts for r in records
        ),
        "without drift": sum(bool(r.night) and not r.drift for r in records),
    }.items():
        if count:
            notes.append(f"{count} of {len(records)} nights {what}")
    return NightRecords(nights=records, notes=notes, num_older=len(dates) - len(shown))


def _read_nights(table: DeltaTable | None, *, dates: set[str]) -> dict[str, Night]:
    """Return the newest nights of a table's log by date, back to where all these dates are found."""
    nights: dict[str, Night] = {}
    missing = set(dates)
    for commit in () if table is None else commits.iter_nights(newest_commits(table)):
        nights.setdefault(commit.night.date, commit.night)
        missing.discard(commit.night.date)
        if not missing:
            break
    return nights


def _read_record(day: date, name: str, *, night: Night | None, folder: Path, notes: list[str]) -> NightRecord:
    record = NightRecord(
        day=day, night=night, page=page_path(name).name if page_path(name).is_file() else None
    )
    record = replace(record, refusal=_read(folder / REFUSED, _refusal, notes=notes))
    if night is None:
        return record
    facts = _read(facts_path(name), read_facts, notes=notes)
    if facts is not None and facts.revision != night.revision:
        notes.append(f"{facts_path(name)}: of revision {facts.revision}, the table has {night.revision}")
        facts = None
    return replace(record, facts=facts, drift=_read(folder / VERDICT, _drift, notes=notes) or {})


def _dates(names: Iterable[str]) -> dict[str, date]:
    """Return the names that are dates, in their order."""
    dates = {}
    for name in sorted(names):
        try:
            dates[name] = date.fromisoformat(name)
        except ValueError:  # the index itself, or a folder of the user's
            continue
    return dates


def _read(path: Path, read: Callable[[Path], T], *, notes: list[str]) -> T | None:
    """Return the content of a file; None where there is none, and with a note where it cannot be read."""
    try:
        return read(path) if path.is_file() else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        notes.append(f"{path}: left out: {error if str(error) else type(error).__name__}")
        return None


def _drift(path: Path) -> dict[str, float]:
    """Return the largest excess of each statistic of a verdict."""
    largest: dict[str, float] = {}
    rows: list[dict[str, Any]] = read_json(path)["drift"]
    for row in rows:
        if row["excess"] is not None:
            largest[row["statistic"]] = max(float(row["excess"]), largest.get(row["statistic"], 0.0))
    return largest


def _refusal(path: Path) -> str:
    """Return the reasons of a verdict that refused a night, and where they stand in full."""
    failures = read_json(path)["failures"]
    reasons = "; ".join(f"{failure['column']}: {failure['observed']}" for failure in failures)
    return f"{textwrap.shorten(reasons, MAX_REASON, placeholder=' …') or 'no reason given'} ({path})"
