"""What scored a document, and when: read from the tables' history alone."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from mgm.scoring.table import DATE, Night, newest, nights, open_table, storage_options


@dataclass(frozen=True)
class Scored:
    """One revision of a night that held the document: predicted, or rejected for `reasons`."""

    night: Night
    at: datetime
    reasons: list[str] | None
    replaced: bool
    """A later revision of the night stands in the table."""


def lineage(predictions: str, rejects: str, doc_id: str) -> list[Scored]:
    """Every revision of every night that held a document, the newest first.

    Reads the present tables once, and the old version of each night that was scored again.

    Raises:
        FileNotFoundError: no night was scored yet.
        ValueError: no night held it.
        OSError: a table, or a file of an old version, is not readable.
    """
    table = open_table(predictions)
    commits = nights(table)
    if table is None or not commits:
        raise FileNotFoundError(f"{predictions}: no night was scored yet")
    predicted = _found(predictions, {v: (v, night.date) for v, _, night in commits}, doc_id)
    dropped = _found(
        rejects, {v: (night.rejects_version, night.date) for v, _, night in commits if night.rejected}, doc_id
    )
    present = newest(table)
    found = [
        Scored(
            night,
            datetime.fromtimestamp(at / 1000, UTC),
            dropped[version]["reasons"] if version in dropped else None,
            present[night.date] != version,
        )
        for version, at, night in commits
        if version in predicted or version in dropped
    ]
    if not found:
        days = [night.date for _, _, night in commits]
        raise ValueError(
            f"document {doc_id!r}: in none of the {len(set(days))} scored nights ({min(days)} to {max(days)}) of {predictions}; "
            f"expected the doc_id as the night's input gave it"
        )
    return found


def _found(location: str, commits: Mapping[int, tuple[int, str]], doc_id: str) -> dict[int, dict[str, Any]]:
    """The document's row by commit; each commit with the table's version that wrote its night, and the date."""
    table = open_table(location)
    if table is None or not commits:
        return {}
    present, last = newest(table), table.version()
    reads: defaultdict[int, dict[date, int]] = defaultdict(dict)
    for commit, (version, day) in commits.items():
        reads[last if present[day] == version else version][date.fromisoformat(day)] = commit
    found = {}
    for version, days in reads.items():
        scan = pl.scan_delta(location, version=version, storage_options=storage_options(location))
        wanted = (pl.col("doc_id") == doc_id) & pl.col(DATE).is_in(list(days))
        columns = [c for c in ("doc_id", DATE, "reasons") if c in scan.collect_schema()]
        for row in scan.filter(wanted).select(columns).collect().iter_rows(named=True):
            found[days[row[DATE]]] = row
    return found
