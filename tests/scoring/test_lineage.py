"""The origin of a document's predictions, from the tables' history."""

import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from deltalake import DeltaTable

from flows.cli import main
from mgm.scoring.lineage import ScoringEvent, trace_document
from tests.scoring.nights import DAY, SETTINGS, clean_log, documents, score

OTHER = date(2026, 1, 2)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Path:
    """Score two nights, and then the first again without m0 and with `blank` repaired."""
    with pytest.MonkeyPatch.context() as patch:
        # what an address would read as something else
        folder = tmp_path_factory.mktemp("scored") / "a b*é 数'\"<{x}&;$HOME@:~"
        folder.mkdir()
        patch.chdir(folder)
        Path("dvc.yaml").write_text("stages: {}\n")  # a project
        documents().write_ndjson("in.jsonl")
        for day in (DAY, OTHER):
            score(day, "in.jsonl", bundle, settings=SETTINGS)
        repaired = documents()[1:]
        repaired[-1, "text"] = "Bake a cake."
        repaired.write_ndjson("in.jsonl")
        score(DAY, "in.jsonl", bundle, settings=SETTINGS, rescore=True)
    return folder


@pytest.fixture(autouse=True)
def folder(scored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(scored)


def trace(doc_id: str) -> list[ScoringEvent]:
    return trace_document(doc_id, predictions=SETTINGS.table, rejects=SETTINGS.rejects)


def revisions(doc_id: str) -> list[tuple[str, int, list[str] | None, bool]]:
    events = trace(doc_id)
    return [(e.night.date, e.night.revision, e.reasons, e.replaced) for e in events]


def test_every_revision_that_held_the_document() -> None:
    short = ["text_too_short"]
    assert revisions("m5") == [
        ("2026-01-01", 2, None, False),
        ("2026-01-02", 1, None, False),
        ("2026-01-01", 1, None, True),
    ]
    assert revisions("m0") == [("2026-01-02", 1, None, False), ("2026-01-01", 1, None, True)]
    assert revisions("blank") == [
        ("2026-01-01", 2, None, False),
        ("2026-01-02", 1, short, False),
        ("2026-01-01", 1, short, True),
    ]


def test_time_is_that_of_the_commit() -> None:
    times = [one.at for one in trace("m5")]
    assert times == sorted(times, reverse=True)
    assert 0 <= (datetime.now(UTC) - times[0]).total_seconds() < 600


def test_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lineage", "blank"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        "night 2026-01-01, revision 2: scored",
        "night 2026-01-02, revision 1: rejected: text_too_short",
        "night 2026-01-01, revision 1 (replaced since): rejected: text_too_short",
    ]
    assert {line.split()[0] for line in lines if line.startswith(" ")} > {"at", "bundle", "input", "code"}
    assert main(["lineage", "blank", "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert set(records[0]) == {
        "date", "revision", "replaced", "at", "outcome", "reasons", "bundle", "tasks", "input", "code", "dvc_lock", "flow_run",
    }  # fmt: skip
    assert [(record["outcome"], record["reasons"]) for record in records] == [
        ("scored", []),
        ("rejected", ["text_too_short"]),
        ("rejected", ["text_too_short"]),
    ]
    assert main(["lineage", "m99"]) == 1
    assert "error: document 'm99': in none of the 2 scored nights" in capsys.readouterr().err


def test_before_the_first_night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text("stages: {}\n")  # a project
    with pytest.raises(FileNotFoundError, match="data/scored/predictions: no night was scored yet"):
        trace("m0")


@pytest.fixture
def vacuumed(scored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a copy of the project, whose tables were vacuumed after the rescore."""
    shutil.copytree(scored / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text("stages: {}\n")  # a project
    for location in (SETTINGS.table, SETTINGS.rejects):
        DeltaTable(location).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)


@pytest.mark.usefixtures("vacuumed")
def test_rows_that_were_vacuumed_are_said_to_be_gone() -> None:
    before_rescore = [(e.night.bundle, e.at) for e in trace("m5") if e.replaced]
    assert revisions("m5") == [
        ("2026-01-01", 2, None, False),
        ("2026-01-02", 1, None, False),
        ("2026-01-01", 1, None, True),
    ]
    assert [e.is_gone for e in trace("m5")] == [False, False, True]
    # m0 is in the present night of the other date, and was in the revision that is gone
    assert [(e.night.date, e.night.revision, e.is_gone) for e in trace("m0")] == [
        ("2026-01-02", 1, False),
        ("2026-01-01", 1, True),
    ]
    # of a document in no present row, the revision that is gone may have held it
    (gone,) = trace("m5x")
    assert gone.is_gone and gone.replaced and (gone.night.date, gone.night.revision) == ("2026-01-01", 1)
    assert (gone.night.bundle, gone.at) == before_rescore[0]
    assert [e.reasons for e in trace("blank")] == [None, ["text_too_short"], None]
    # the statistics in the log exclude ids beyond those of the file
    with pytest.raises(ValueError, match="'m99': in none of the 2 scored nights"):
        trace("m99")


@pytest.mark.usefixtures("vacuumed")
def test_command_line_after_vacuum(capsys: pytest.CaptureFixture[str]) -> None:
    gone = "its rows are gone, so that nothing tells whether it held the document; it was scored"
    assert main(["lineage", "m5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        "night 2026-01-01, revision 2: scored",
        "night 2026-01-02, revision 1: scored",
        f"night 2026-01-01, revision 1 (replaced since): {gone}",
    ]
    assert main(["lineage", "m5x"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "no row of document 'm5x' is left; revisions whose rows are gone may have held it:",
        f"night 2026-01-01, revision 1 (replaced since): {gone}",
    ]
    assert {line.split()[0] for line in lines[2:]} > {"at", "bundle", "input", "code"}
    assert main(["lineage", "m0"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        "night 2026-01-02, revision 1: scored",
        "revisions of other nights whose rows are gone, and which may have held it: 1 (--json has them)",
    ]
    assert main(["lineage", "m0", "--json"]) == 0
    assert [r["outcome"] for r in json.loads(capsys.readouterr().out)] == ["scored", "gone"]


@pytest.mark.usefixtures("vacuumed")
def test_present_rows_that_are_lost_do_not_hide_others() -> None:
    """Somebody has deleted the files of a night by hand."""
    for path in Path(SETTINGS.table, "date=2026-01-02").glob("*.parquet"):
        path.unlink()
    assert [(e.night.date, e.night.revision, e.replaced, e.is_gone) for e in trace("m5")] == [
        ("2026-01-01", 2, False, False),
        ("2026-01-02", 1, False, True),
        ("2026-01-01", 1, True, True),
    ]


@pytest.mark.usefixtures("vacuumed")
def test_lineage_where_the_log_was_cleaned(capsys: pytest.CaptureFixture[str]) -> None:
    clean_log(SETTINGS.table)
    clean_log(SETTINGS.rejects)
    events = trace("blank")
    assert [(e.night.date, e.night.revision, e.reasons, e.at) for e in events] == [
        ("2026-01-02", 1, ["text_too_short"], None),
        ("2026-01-01", 2, None, None),
    ]
    assert {e.night.bundle for e in events} == {"unknown"} and not any(e.is_gone for e in events)
    assert main(["lineage", "blank"]) == 0
    assert "  at        unknown: this night's entry is no longer in" in capsys.readouterr().out
    with pytest.raises(ValueError, match="'m99': in none of the 2 scored nights .*log has lost entries"):
        trace("m99")


@pytest.mark.usefixtures("vacuumed")
def test_lineage_where_a_part_of_the_log_was_cleaned() -> None:
    """The entries of the first revisions are gone; that of the present one of the first date is there."""
    table = DeltaTable(SETTINGS.table)
    (last, *_) = [c["version"] for c in table.history() if c.get("date")]
    table.create_checkpoint()
    for path in Path(SETTINGS.table, "_delta_log").glob("*.json"):
        if int(path.stem) < last:
            path.unlink()
    assert [(e.night.date, e.night.revision, e.at is None) for e in trace("m5")] == [
        ("2026-01-01", 2, False),
        ("2026-01-02", 1, True),
    ]
