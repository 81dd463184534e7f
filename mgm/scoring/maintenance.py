"""Maintenance of the tables of nights: small files put together, and files removed that nothing needs, the lineage of documents included."""

from dataclasses import dataclass
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError

from mgm.scoring.delta import one_line, open_table
from mgm.scoring.history import TableHistory
from mgm.scoring.retention import MIN_DAYS

_HOURS_A_DAY = 24


@dataclass(frozen=True, kw_only=True)
class Compaction:
    """The number of a table's files, before and after."""

    files_before: int
    files_after: int


def compact(location: str) -> Compaction | None:
    """Put the small files of each date together and write a checkpoint, so that readers open fewer files; None: there is no table.

    Rows, nights and lineage stay as they are. A night that commits at the same time is tried again by its own run.

    Raises:
        OSError: the table cannot be read or written, or another run has committed meanwhile; it is as it was.
    """
    table = open_table(location)
    if table is None:
        return None
    before = len(table.file_uris())
    try:
        table.optimize.compact()
        table.create_checkpoint()
    except CommitFailedError as error:
        raise OSError(
            f"{location}: another run has committed meanwhile, and the table is as it left it; run again: {one_line(error)}"
        ) from error
    except (DeltaError, OSError) as error:
        raise OSError(f"{location}: the table cannot be compacted: {one_line(error)}") from error
    return Compaction(files_before=before, files_after=len(table.file_uris()))


def vacuum(
    location: str, *, keep_days: int, keep_replaced: bool = True, dry_run: bool = False
) -> list[str] | None:
    """Remove the files that no needed version of a table has, and return their names; None: there is no table.

    Needed are the present version, and with `keep_replaced` the rows of all replaced revisions, which the lineage of a document reads.
    What goes then are files that compaction has replaced, and those of runs that were killed before their commit.

    Args:
        keep_days: files that were written or replaced in the last so many days stay, whatever they are.
        dry_run: name the files, and remove none.

    Raises:
        ValueError: `keep_days` is below `MIN_DAYS`.
        OSError: the table cannot be read, or files cannot be removed.
    """
    if keep_days < MIN_DAYS:
        raise ValueError(f"keep_days: {keep_days}, expected at least {MIN_DAYS}")
    table = open_table(location)
    if table is None:
        return None
    options: dict[str, Any] = (
        {"keep_versions": _versions_of_replaced(table, location)} if keep_replaced else {}
    )
    try:
        return table.vacuum(
            retention_hours=keep_days * _HOURS_A_DAY,
            enforce_retention_duration=False,  # the table's own least is a week
            dry_run=dry_run,
            full=True,
            **options,
        )
    except (DeltaError, OSError) as error:
        raise OSError(f"{location}: the table cannot be vacuumed: {one_line(error)}") from error


def _versions_of_replaced(table: DeltaTable, location: str) -> list[int]:
    """Return the versions that hold the rows of replaced revisions, without those that a cleaned log no longer leads to."""
    readable = []
    for version in TableHistory.read(table).last_versions_of_replaced():
        try:
            open_table(location, version)
        except OSError:
            continue
        readable.append(version)
    return readable
