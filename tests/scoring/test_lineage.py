"""The origin of a document's predictions, from the tables' history."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from flows.cli import main
from mgm.scoring.lineage import ScoringEvent, trace_document
from tests.scoring.nights import DAY, SETTINGS, documents, score

OTHER = date(2026, 1, 2)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Path:
    """Score two nights, and then the first again without m0 and with `blank` repaired."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("scored")
        patch.chdir(folder)
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
    with pytest.raises(FileNotFoundError, match="data/scored/predictions: no night was scored yet"):
        trace("m0")
