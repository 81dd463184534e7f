"""Tables stay small, and their rows and the lineage of documents as they were."""

import logging
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from deltalake import write_deltalake

from flows import tables
from flows.cli import main
from mgm.scoring import commits, delta, maintenance
from mgm.scoring.commits import Night
from mgm.scoring.lineage import trace_document
from tests.scoring.nights import DAY, SETTINGS, clean_log

SCHEMA = delta.with_date(pl.Schema({"doc_id": pl.String}))
OTHER = date(2026, 1, 2)


def commit(day: date, *doc_ids: str, revision: int = 1) -> None:
    """Commit a night of these documents."""
    night = Night(
        date=day.isoformat(), revision=revision, input_sha256=str(revision) * 64, bundle="b" * 64, code="", dvc_lock="", flow_run="",
        predictions=len(doc_ids), tasks=[], as_corpus=None, accepted_drift=False, warnings=[],
    )  # fmt: skip
    rows = pl.DataFrame({"doc_id": doc_ids})
    commits.commit_predictions(SETTINGS.table, night, schema=SCHEMA, frames=lambda: [rows])


def add_small_files(day: date, *doc_ids: str) -> None:
    """Append each document in a file of its own, as another engine may write."""
    for doc_id in doc_ids:
        rows = pl.DataFrame({"date": [day], "doc_id": [doc_id]})
        write_deltalake(SETTINGS.table, rows.to_arrow(), mode="append")


@pytest.fixture(autouse=True)
def nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commit two nights, of which the second has many files."""
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text("stages: {}\n")  # a project
    commit(DAY, "a", "b")
    commit(OTHER, "old")
    add_small_files(OTHER, "x", "y", "z")


@pytest.fixture
def hours_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each file be as old as any `keep_days` asks for."""
    monkeypatch.setattr(maintenance, "_HOURS_A_DAY", 0)


def files() -> set[str]:
    return {path.relative_to(SETTINGS.table).as_posix() for path in Path(SETTINGS.table).rglob("*.parquet")}


def present() -> list[str]:
    return sorted(pl.read_delta(SETTINGS.table)["doc_id"].to_list())


def revisions(doc_id: str) -> list[tuple[str, int, bool, bool]]:
    events = trace_document(doc_id, predictions=SETTINGS.table, rejects=SETTINGS.rejects)
    return [(e.night.date, e.night.revision, e.replaced, e.is_gone) for e in events]


def test_compaction_puts_small_files_together_and_keeps_rows() -> None:
    rows = present()
    assert maintenance.compact(SETTINGS.table) == maintenance.Compaction(files_before=5, files_after=2)
    assert present() == rows == ["a", "b", "old", "x", "y", "z"]
    assert Path(SETTINGS.table, "_delta_log", "_last_checkpoint").is_file()
    assert maintenance.compact(SETTINGS.table) == maintenance.Compaction(files_before=2, files_after=2)


@pytest.mark.usefixtures("hours_pass")
def test_vacuum_keeps_what_lineage_reads() -> None:
    """The rows of the replaced revision are those of the compacted file; the files that it was made of are not needed."""
    before = files()
    maintenance.compact(SETTINGS.table)
    commit(OTHER, "new", revision=2)
    orphan = Path(SETTINGS.table, f"date={DAY}", "part-killed.parquet")
    orphan.write_bytes(b"half")
    rows = present()
    replaced = {name for name in before if f"date={OTHER}" in name}
    named = maintenance.vacuum(SETTINGS.table, keep_days=7, dry_run=True)
    assert orphan.is_file() and set(named or ()) == replaced | {orphan.relative_to(SETTINGS.table).as_posix()}
    assert maintenance.vacuum(SETTINGS.table, keep_days=7) and not orphan.exists()
    assert not replaced & files() and present() == rows == ["a", "b", "new"]
    assert revisions("old") == [("2026-01-02", 1, True, False)]
    assert revisions("new") == [("2026-01-02", 2, False, False)]
    maintenance.vacuum(SETTINGS.table, keep_days=7, keep_replaced=False)
    assert present() == rows and revisions("old") == [("2026-01-02", 1, True, True)]


def test_young_files_stay() -> None:
    maintenance.compact(SETTINGS.table)
    Path(SETTINGS.table, f"date={DAY}", "part-of-a-run.parquet").write_bytes(b"half")
    assert maintenance.vacuum(SETTINGS.table, keep_days=1) == []
    with pytest.raises(ValueError, match="keep_days: 0, expected at least 1"):
        maintenance.vacuum(SETTINGS.table, keep_days=0)


@pytest.mark.usefixtures("hours_pass")
def test_a_cleaned_log_is_no_hindrance() -> None:
    """The versions with replaced rows can no longer be read: nothing says which files they had."""
    commit(OTHER, "new", revision=2)
    clean_log(SETTINGS.table)
    assert maintenance.vacuum(SETTINGS.table, keep_days=1) is not None
    assert present() == ["a", "b", "new"]


def test_a_broken_table_is_told() -> None:
    log = Path(SETTINGS.table, "_delta_log")
    log.rename(log.with_name("gone"))
    log.write_text("no folder")
    with pytest.raises(OSError, match="predictions: the table cannot be "):
        maintenance.compact(SETTINGS.table)


@pytest.mark.usefixtures("hours_pass")
def test_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables", "optimize"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "data/scored/predictions: 5 files before, 2 now",
        "data/scored/rejects: no table yet",
    ]
    assert main(["tables", "vacuum", "--dry-run"]) == 0
    first, *names, last = capsys.readouterr().out.splitlines()
    assert first == "data/scored/predictions: 4 files would be removed"
    assert len(names) == 4 and all("date=2026-01-02/part-" in name for name in names)
    assert last == "data/scored/rejects: no table yet"
    assert main(["tables", "vacuum", "--drop-replaced"]) == 0
    assert "predictions: 4 files removed" in capsys.readouterr().out
    assert main(["tables", "vacuum", "--keep-days", "0"]) == 2
    assert "--keep-days" in capsys.readouterr().err


@pytest.mark.usefixtures("hours_pass")
def test_the_scheduled_flow_does_both(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tables, "get_run_logger", lambda: logging.getLogger("flows.tables"))
    with caplog.at_level(logging.INFO, "flows.tables"):
        tables.maintain_tables.fn()
    assert [entry.getMessage() for entry in caplog.records if entry.name == "flows.tables"] == [
        "data/scored/predictions: 5 files before, 2 now",
        "data/scored/rejects: no table yet",
        "data/scored/predictions: 4 files removed",
        "data/scored/rejects: no table yet",
    ]
