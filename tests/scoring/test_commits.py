"""The commits of nights, in tables of a few rows."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from mgm.corpus.parts import REJECTS
from mgm.scoring import delta
from mgm.scoring.commits import (
    Night,
    NightConflict,
    commit_predictions,
    commit_rejects,
    current_revision,
    read_night,
    read_nights,
    recover_night,
)
from mgm.scoring.delta import with_date
from tests.scoring.nights import clean_log

ROWS = pl.DataFrame({"doc_id": ["a", "b"], "mood": ["good", "bad"]})
SCHEMA = with_date(ROWS.schema)
NIGHT = Night(
    date="2026-01-01",
    revision=1,
    input_sha256="in",
    bundle="model",
    code="abc",
    dvc_lock="",
    flow_run="",
    rows_in=2,
    predictions=2,
    rejected=0,
    reasons={},
    tasks=["mood"],
    as_corpus=None,
    accepted_drift=False,
    warnings=["drifted: 文"],
    broken=[],
    rejects_version=1,
)
DAY = date(2026, 1, 1)


@pytest.fixture(autouse=True)
def folder(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def commit(night: Night, rows: pl.DataFrame = ROWS) -> Night:
    return commit_predictions("table", night, schema=SCHEMA, frames=lambda: [rows])


def rivals(monkeypatch: pytest.MonkeyPatch, *others: Night) -> None:
    """Let rivals commit, one before each write, after the write's snapshot was taken."""
    real, waiting = delta.replace_date, list(others)

    def late(*arguments: Any, **more: Any) -> None:
        if waiting:
            commit(waiting.pop(0))
        real(*arguments, **more)

    monkeypatch.setattr(delta, "replace_date", late)


def test_commit_is_read_back() -> None:
    assert commit(NIGHT) == NIGHT
    there = DeltaTable("table")
    assert [night for _, _, night in read_nights(there)] == [NIGHT]
    assert (
        current_revision(there, DAY),
        current_revision(there, date(2026, 1, 2)),
        current_revision(None, DAY),
    ) == (1, 0, 0)


def test_nights_of_older_tables_are_read() -> None:
    """The corpus of the text settings has another key in the commit than its field's name."""
    assert commit(replace(NIGHT, as_corpus="menus", predicted_by="torch: old")).as_corpus == "menus"
    (last, *_) = DeltaTable("table").history()
    assert last["like"] == '"menus"' and "as_corpus" not in last
    assert read_nights(DeltaTable("table"))[0].night.as_corpus == "menus"
    assert read_nights(DeltaTable("table"))[0].night.predicted_by == "torch: old"
    older = {name: value for name, value in last.items() if name != "predicted_by"}
    night = Night.from_metadata(older)
    assert night is not None and night.predicted_by == ""


def test_night_is_not_written_twice() -> None:
    commit(NIGHT)
    assert commit(replace(NIGHT, code="later")) == NIGHT
    assert DeltaTable("table").version() == 1
    with pytest.raises(
        NightConflict, match="revision 1 of input in by bundle model; this run had input in and bundle"
    ):
        commit(replace(NIGHT, bundle="other"))


@pytest.mark.parametrize("rows", [ROWS, ROWS.clear()], ids=["rows", "empty"])
def test_late_commit_returns_the_rivals_night(rows: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    rivals(monkeypatch, replace(NIGHT, flow_run="winner"))
    assert commit(NIGHT, rows).flow_run == "winner"
    assert pl.read_delta("table").height == 2


def test_other_dates_are_no_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    commit(replace(NIGHT, date="2025-12-31"))
    rivals(monkeypatch, replace(NIGHT, date="2026-01-02"), replace(NIGHT, date="2026-01-03"))
    assert commit(NIGHT) == NIGHT
    assert pl.read_delta("table")["date"].n_unique() == 4


def test_rejects_are_replaced_only_by_other_ones() -> None:
    made: list[int] = []

    def rows() -> Iterable[pl.DataFrame]:
        made.append(1)
        return [ROWS]

    versions = [
        commit_rejects("r", day=DAY, made_of={"input": i}, schema=SCHEMA, frames=rows)
        for i in ("one", "one", "two", "one")
    ]
    assert versions == [1, 1, 2, 3]
    assert len(made) == 3 and pl.read_delta("r").height == 2


def test_failed_write_leaves_the_table() -> None:
    def broken() -> Iterable[pl.DataFrame]:
        yield ROWS
        raise FileNotFoundError("part-00000.parquet")

    commit(NIGHT)
    with pytest.raises(OSError, match="table: the table cannot be written, and is as it was: .*part-00000"):
        commit_predictions("table", replace(NIGHT, revision=2), schema=SCHEMA, frames=broken)
    assert DeltaTable("table").version() == 1 and pl.read_delta("table").height == 2


def test_history_is_kept() -> None:
    commit(NIGHT)
    assert DeltaTable("table").metadata().configuration["delta.enableExpiredLogCleanup"] == "false"


def test_task_named_as_the_partition() -> None:
    with pytest.raises(ValueError, match="task 'date': its column would be that of the night's date"):
        with_date(pl.Schema({"date": pl.String()}))


def test_damaged_table_is_named() -> None:
    commit(NIGHT)
    for log in Path("table/_delta_log").iterdir():
        log.write_text("{not a log\n")
    with pytest.raises(OSError, match="table: the table cannot be read"):
        delta.open_table("table")


def test_commit_that_the_table_does_not_take_is_tried_once() -> None:
    made: list[int] = []

    def rows() -> Iterable[pl.DataFrame]:
        made.append(1)
        return [ROWS]

    commit(NIGHT)
    DeltaTable("table").alter.set_table_properties({"delta.appendOnly": "true"})
    with pytest.raises(
        OSError, match="table: the table takes no such commit, and is as it was: .*append-only"
    ):
        commit_predictions("table", replace(NIGHT, revision=2), schema=SCHEMA, frames=rows)
    assert made == [1]


def test_own_commit_is_known_after_the_log_was_cleaned() -> None:
    commit(NIGHT)
    clean_log("table")
    assert read_night(DeltaTable("table"), DAY) is None
    version = DeltaTable("table").version()
    assert commit(replace(NIGHT, flow_run="later")).revision == 1
    for other in (replace(NIGHT, bundle="other"), replace(NIGHT, input_sha256="other")):
        with pytest.raises(NightConflict, match="revision 1, whose entry is gone from the table's log"):
            commit(other)
    assert DeltaTable("table").version() == version
    commit(replace(NIGHT, revision=2, bundle="other"))
    assert current_revision(DeltaTable("table"), DAY) == 2 and pl.read_delta("table").height == 2


def test_night_of_a_cleaned_log_is_counted_from_its_rows() -> None:
    commit(NIGHT)
    commit(replace(NIGHT, date="2026-01-02"), ROWS.head(1))
    reject = {"doc_id": ["文"], "stage": ["clean"], "reasons": [["text_too_short"]], "values": ["{}"]}
    commit_rejects(
        "rejects",
        day=DAY,
        made_of={"input": "one"},
        schema=with_date(REJECTS),
        frames=lambda: [pl.DataFrame(reject, schema=REJECTS)],
    )
    clean_log("table")
    night = recover_night("table", "rejects", day=DAY)
    assert (night.revision, night.rows_in, night.predictions, night.rejected) == (1, 3, 2, 1)
    assert night.reasons == {"text_too_short": 1} and night.bundle == night.input_sha256 == "unknown"
    assert "gone from the table's log" in night.warnings[0]
    later = recover_night("table", "nowhere", day=date(2026, 1, 2))
    assert (later.rows_in, later.predictions, later.rejected, later.reasons) == (1, 1, 0, {})
