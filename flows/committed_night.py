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

    Where its entry is gone from the log, it is read from its summary in `score.staging_dir`, else counted from its rows.
    """
    revision = commits.current_revision(table, day)
    if not revision:
        return None
    committed = commits.read_night(table, day)
    if committed is not None:
        return committed
    path = Path(settings.staging_dir) / day.isoformat() / SUMMARY
    summary = read_json(path) if path.is_file() else {}
    if summary.get("revision") == revision and set(summary) == {field.name for field in fields(Night)}:
        return Night(**summary)
    return commits.recover_night(settings.table, settings.rejects, day=day)
