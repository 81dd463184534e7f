"""A committed night is read from its summary where the table vouches for it, else from the table's log."""

from dataclasses import asdict, replace
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from flows.committed_night import read_committed_night
from flows.night_files import SUMMARY
from mgm.files import write_json
from mgm.scoring import commits, delta
from mgm.scoring.commits import Night
from tests.scoring.nights import DAY, SETTINGS

NIGHT = Night(
    date=DAY.isoformat(), revision=1, input_sha256="1" * 64, bundle="b" * 64, code="c", dvc_lock="", flow_run="", predictions=1,
    tasks=["mood"], as_corpus=None, accepted_drift=False, warnings=[],
)  # fmt: skip


@pytest.fixture(autouse=True)
def committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    schema = delta.with_date(pl.Schema({"doc_id": pl.String}))
    rows = pl.DataFrame({"doc_id": ["a"]})
    commits.commit_predictions(SETTINGS.table, NIGHT, schema=schema, frames=lambda: [rows])


def leave_summary(night: Night) -> None:
    write_json(Path(SETTINGS.staging_dir) / night.date / SUMMARY, asdict(night))


def read() -> Night | None:
    return read_committed_night(delta.open_table(SETTINGS.table), DAY, settings=SETTINGS)


def test_with_its_summary_the_log_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_summary(NIGHT)
    monkeypatch.setattr(DeltaTable, "history", None)
    assert read() == NIGHT


@pytest.mark.parametrize(
    "change",
    [{"input_sha256": "2" * 64}, {"bundle": "d" * 64}, {"revision": 2}],
    ids=["documents", "bundle", "revision"],
)
def test_the_summary_of_another_night_is_not_believed(change: dict[str, str]) -> None:
    """It may be left of a table that was removed since, and is as good as none."""
    leave_summary(replace(NIGHT, **change))
    assert read() == NIGHT


def test_a_summary_of_another_version_is_left_alone() -> None:
    write_json(Path(SETTINGS.staging_dir) / NIGHT.date / SUMMARY, {"date": NIGHT.date, "revision": 1})
    assert read() == NIGHT
