"""The origin of a document's predictions, read from the tables' history alone.

Rows may be gone: VACUUM removes those of replaced revisions, and a cleaned log the way to them. Rows that are there answer; of a
revision whose rows are gone the log still says when and by what it was scored.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import polars as pl
from deltalake.exceptions import DeltaError

from mgm.scoring.commits import Night, iter_nights, recover_night
from mgm.scoring.delta import DATE, open_table, scan_table
from mgm.scoring.history import TableHistory


@dataclass(frozen=True, kw_only=True)
class ScoringEvent:
    """One revision of a night that held the document, predicted or rejected for `reasons`, or whose rows are gone."""

    night: Night
    at: datetime | None
    """The time of the commit; None: its entry is gone from the table's log, and of the night only counts are known."""
    reasons: list[str] | None
    replaced: bool
    """Whether a later revision of the night is in the table."""
    is_gone: bool = False
    """Whether the rows of this revision are gone, so that nothing tells whether it held the document."""


class _Places(NamedTuple):
    """The document's rows by commit, and the commits whose rows are gone."""

    rows: dict[int, dict[str, Any]]
    gone: set[int]


def trace_document(doc_id: str, *, predictions: str, rejects: str) -> list[ScoringEvent]:
    """Return every revision of every night that held a document, or may have held it, the newest first.

    Reads the log of each table and its present rows once, and the old rows of each night that was scored again.

    Args:
        predictions, rejects: the locations of the tables.

    Raises:
        FileNotFoundError: no night was scored yet.
        ValueError: no night held the document.
        OSError: a table is not readable.
    """
    table = open_table(predictions)
    history = TableHistory([]) if table is None else TableHistory.read(table)
    commits = list(iter_nights(history.commits))
    if table is None or not (commits or history.is_cleaned):
        raise FileNotFoundError(f"{predictions}: no night was scored yet")
    current = {c.version for c in commits if history.versions[c.night.date][0] == c.version}
    predicted = _find_rows(
        doc_id,
        predictions,
        commits={c.version: (c.version, c.night.date) for c in commits},
        current=current,
        history=history,
    )
    rejected = _find_rows(
        doc_id,
        rejects,
        commits={c.version: (c.night.rejects_version, c.night.date) for c in commits if c.night.rejected},
        current=current,
    )
    events = [
        ScoringEvent(
            night=commit.night,
            at=datetime.fromtimestamp(commit.timestamp / 1000, UTC),
            reasons=rejected.rows[commit.version]["reasons"] if commit.version in rejected.rows else None,
            replaced=commit.version not in current,
            is_gone=commit.version not in predicted.rows.keys() | rejected.rows.keys(),
        )
        for commit in commits
        if commit.version in predicted.rows.keys() | rejected.rows.keys() | predicted.gone | rejected.gone
    ]
    known = {commit.night.date for commit in commits}
    if history.is_cleaned:
        events += _events_without_entry(doc_id, predictions=predictions, rejects=rejects, known=known)
    if not events:
        days = sorted(known | {str(partition[DATE]) for partition in table.partitions()})
        raise ValueError(_describe_absence(doc_id, days, location=predictions, is_cleaned=history.is_cleaned))
    return events


def _events_without_entry(
    doc_id: str, *, predictions: str, rejects: str, known: set[str]
) -> list[ScoringEvent]:
    """Return the present rows of a document in nights whose entries are gone from the log, the latest date first."""
    reasons: dict[date, list[str] | None] = {}
    for location in (rejects, predictions):
        if open_table(location) is not None:
            for row in _scan(location, None, doc_id=doc_id):
                if row[DATE].isoformat() not in known:
                    reasons[row[DATE]] = row.get("reasons")
    return [
        ScoringEvent(
            night=recover_night(predictions, rejects, day=day), at=None, reasons=reasons[day], replaced=False
        )
        for day in sorted(reasons, reverse=True)
    ]


def _describe_absence(doc_id: str, days: Sequence[str], *, location: str, is_cleaned: bool) -> str:
    cleaned = " of which the table's log has lost entries," if is_cleaned else ""
    dates = f"{days[0]} to {days[-1]}" if days else "without rows"
    return (
        f"document {doc_id!r}: in none of the {len(days)} scored nights ({dates}) of {location};{cleaned} expected the doc_id as the "
        f"night's input gave it"
    )


def _find_rows(
    doc_id: str,
    location: str,
    *,
    commits: Mapping[int, tuple[int, str]],
    current: set[int],
    history: TableHistory | None = None,
) -> _Places:
    """Return the document's row by commit.

    Args:
        commits: commit to the version of this table that wrote the commit's night, and the night's date.
        current: the commits that no later revision has replaced.
        history: that of this table; None: it is read.
    """
    table = open_table(location)
    if table is None or not commits:
        return _Places({}, set())
    history = history or TableHistory.read(table)
    reads: defaultdict[int, dict[date, int]] = defaultdict(dict)
    for commit, (version, day) in commits.items():
        read = history.last_version_with(day, version)
        if read is None:
            # where the log is cleaned, the version of a present night may be unknown
            is_present = day in history.versions or commit in current
            read = table.version() if is_present else version
        reads[read][date.fromisoformat(day)] = commit
    places = _Places({}, set())
    pending = list(reads.items())
    while pending:
        version, commit_by_day = pending.pop()
        try:
            for row in _scan(location, version, doc_id=doc_id, days=list(commit_by_day)):
                places.rows[commit_by_day[row[DATE]]] = row
        except FileNotFoundError:
            if len(commit_by_day) == 1:
                places.gone.update(commit_by_day.values())
            else:  # one of the dates has lost rows
                pending += [(version, {day: commit}) for day, commit in commit_by_day.items()]
    return places


def _scan(
    location: str, version: int | None, *, doc_id: str, days: list[date] | None = None
) -> list[dict[str, Any]]:
    """Return the rows of a document in a version of a table (None: the present one); `days`: in these dates alone.

    Raises:
        FileNotFoundError: a file with rows of these dates, or the log of this version, is gone.
        OSError: the table is not readable.
    """
    is_wanted = pl.col("doc_id") == doc_id
    if days is not None:
        is_wanted &= pl.col(DATE).is_in(days)
    try:
        scan = scan_table(location, version)
        columns = [c for c in ("doc_id", DATE, "reasons") if c in scan.collect_schema()]
        return scan.filter(is_wanted).select(columns).collect().to_dicts()
    except FileNotFoundError:
        raise
    except (DeltaError, pl.exceptions.PolarsError, OSError) as error:
        text = str(error).split("\n\nThis error occurred")[0]
        if "not found" in text.lower() or "No files in log segment" in text:
            raise FileNotFoundError(f"{location}: {text}") from error
        raise OSError(f"{location}: the table cannot be read: {' '.join(text.split())}") from error
