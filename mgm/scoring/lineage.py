"""The origin of a document's predictions, read from the tables' history alone."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from mgm.scoring.commits import Night, read_nights
from mgm.scoring.delta import DATE, latest_versions, open_table, storage_options


@dataclass(frozen=True, kw_only=True)
class ScoringEvent:
    """One revision of a night that held the document: predicted, or rejected for `reasons`."""

    night: Night
    at: datetime
    reasons: list[str] | None
    replaced: bool
    """Whether a later revision of the night is in the table."""


def trace_document(doc_id: str, *, predictions: str, rejects: str) -> list[ScoringEvent]:
    """Return every revision of every night that held a document, the newest first.

    Reads the present tables once, and the old version of each night that was scored again.

    Args:
        predictions, rejects: the locations of the tables.

    Raises:
        FileNotFoundError: no night was scored yet.
        ValueError: no night held the document.
        OSError: a table, or a file of an old version, is not readable.
    """
    table = open_table(predictions)
    commits = read_nights(table)
    if table is None or not commits:
        raise FileNotFoundError(f"{predictions}: no night was scored yet")
    predicted = _find_rows(doc_id, predictions, {c.version: (c.version, c.night.date) for c in commits})
    rejected = _find_rows(
        doc_id,
        rejects,
        {c.version: (c.night.rejects_version, c.night.date) for c in commits if c.night.rejected},
    )
    latest = latest_versions(table)
    events = [
        ScoringEvent(
            night=night,
            at=datetime.fromtimestamp(timestamp / 1000, UTC),
            reasons=rejected[version]["reasons"] if version in rejected else None,
            replaced=latest[night.date] != version,
        )
        for version, timestamp, night in commits
        if version in predicted or version in rejected
    ]
    if not events:
        days = [commit.night.date for commit in commits]
        raise ValueError(
            f"document {doc_id!r}: in none of the {len(set(days))} scored nights ({min(days)} to {max(days)}) of {predictions}; "
            f"expected the doc_id as the night's input gave it"
        )
    return events


def _find_rows(
    doc_id: str, location: str, commits: Mapping[int, tuple[int, str]]
) -> dict[int, dict[str, Any]]:
    """Return the document's row by commit.

    Args:
        commits: commit to the version of this table that wrote the commit's night, and the night's date.
    """
    table = open_table(location)
    if table is None or not commits:
        return {}
    latest, present = latest_versions(table), table.version()
    reads: defaultdict[int, dict[date, int]] = defaultdict(dict)
    for commit, (version, day) in commits.items():
        reads[present if latest[day] == version else version][date.fromisoformat(day)] = commit
    rows = {}
    for version, commit_by_day in reads.items():
        scan = pl.scan_delta(location, version=version, storage_options=storage_options(location))
        is_wanted = (pl.col("doc_id") == doc_id) & pl.col(DATE).is_in(list(commit_by_day))
        columns = [c for c in ("doc_id", DATE, "reasons") if c in scan.collect_schema()]
        for row in scan.filter(is_wanted).select(columns).collect().iter_rows(named=True):
            rows[commit_by_day[row[DATE]]] = row
    return rows
