"""A night that is in the table: as its commit has it, or where another engine has cleaned the log, as what is left has it."""

from dataclasses import fields
from datetime import date
from pathlib import Path

from deltalake import DeltaTable

from flows.night_files import SUMMARY
from mgm.files import read_json
from mgm.scoring import commits
from mgm.scoring.commits import Night
from mgm.settings.scoring import ScoreSettings


def read_committed_night(table: DeltaTable | None, day: date, *, settings: ScoreSettings) -> Night | None:
    """Return a night of the table of predictions, None where it is not there.

    Its summary in `score.staging_dir` is as good as its commit where the table says that it is of the same documents and bundle, and
    needs no search through the table's log, which grows with every night. Else the log is searched. Where the entry is gone from it, the
    summary is taken as it is, and without one the rows are counted.
    """
    revision = commits.current_revision(table, day)
    if not revision:
        return None
    summary = _read_summary(Path(settings.staging_dir) / day.isoformat() / SUMMARY)
    if summary is not None and commits.is_committed(table, summary):
        return summary
    committed = commits.read_night(table, day)
    if committed is not None:
        return committed
    if summary is not None and summary.revision == revision:
        return summary
    return commits.recover_night(settings.table, settings.rejects, day=day)


def _read_summary(path: Path) -> Night | None:
    """Return the night of a summary; None where there is none, or it is one of another version."""
    summary = read_json(path) if path.is_file() else {}
    names = {field.name for field in fields(Night)}
    return Night(**summary) if names - commits.LATER_FIELDS <= summary.keys() <= names else None
