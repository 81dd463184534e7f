"""A night survives a kill at every step, a race, and a full disk, and is committed once."""

from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from mgm.scoring import steps
from mgm.scoring.commits import read_nights
from tests.scoring.nights import DAY, SETTINGS, SHARDS, documents, tables
from tests.scoring.processes import NightProcess, NightResult

pytestmark = pytest.mark.slow


def run(source: str, bundle: Path, **options: Any) -> NightResult:
    return NightProcess(source, bundle, **options).result()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Any:
    """Return the rows of both tables after an undisturbed run of the night."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("undisturbed"))
        documents().write_ndjson("in.jsonl")
        done = run("in.jsonl", bundle)
        assert done.exit_code == 0, done.error
        assert done.summary["scored_now"] == 31
        return tables()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    documents().write_ndjson("in.jsonl")


@pytest.mark.parametrize("step", steps.STEPS)
def test_night_that_is_killed_and_run_again(bundle: Path, undisturbed: Any, step: str) -> None:
    """After the second run the tables are those of an undisturbed one, and only missing shards were scored again."""
    assert run("in.jsonl", bundle, kill_at=step).is_killed
    committed = steps.STEPS.index(step) >= steps.STEPS.index(steps.PREDICTIONS_COMMITTED)
    assert bool(Path(SETTINGS.table).is_dir() and read_nights(DeltaTable(SETTINGS.table))) == committed
    finished = len(list(SHARDS.glob("*/done.json"))) - len(list(SHARDS.glob("*.tmp/done.json")))
    again = run("in.jsonl", bundle)
    assert again.exit_code == 0, again.error
    assert tables() == undisturbed
    assert again.summary["state"] == ("skipped" if committed else "scored")
    assert again.summary["revision"] == 1
    # shards are of 8 documents; the last one has 7
    assert again.summary["scored_now"] == (0 if committed else max(0, 31 - 8 * finished))
    assert len(read_nights(DeltaTable(SETTINGS.table))) == 1
    assert {p.name for p in SHARDS.parent.iterdir()} == {"_shards.json", "gate.json", "summary.json"}
    assert Path("reports/nights/2026-01-01.html").is_file()


def test_killed_rescore_leaves_the_last_revision(bundle: Path, undisturbed: Any) -> None:
    assert run("in.jsonl", bundle).exit_code == 0
    documents()[3:].write_ndjson("less.jsonl")
    assert run("less.jsonl", bundle, rescore=True, kill_at=steps.PREDICTIONS_WRITING).is_killed
    assert tables()[0] == undisturbed[0]
    again = run("less.jsonl", bundle, rescore=True)
    assert again.exit_code == 0, again.error
    assert (again.summary["revision"], again.summary["scored_now"]) == (2, 0)
    assert len(tables()[0]) == 27


def test_two_processes_commit_the_night_once(bundle: Path, undisturbed: Any) -> None:
    both = [NightProcess("in.jsonl", bundle) for _ in range(2)]
    for result in [process.result() for process in both]:
        assert result.exit_code == 0, result.error
        assert result.summary["revision"] == 1
    assert tables() == undisturbed
    assert len(read_nights(DeltaTable(SETTINGS.table))) == 1


def test_of_two_processes_with_other_documents_one_fails(bundle: Path) -> None:
    documents()[:9].write_ndjson("other.jsonl")
    both = [NightProcess(source, bundle, rescore=True) for source in ("in.jsonl", "other.jsonl")]
    errors = [result.error for result in [process.result() for process in both] if result.exit_code]
    # the second may also have begun after the first had ended; then it is the next revision
    assert len(read_nights(DeltaTable(SETTINGS.table))) + len(errors) == 2
    for error in errors:
        assert f"night {DAY}: another run has committed revision 1 of input" in error


@pytest.mark.parametrize("limit", [100, 4_000], ids=["no file fits", "no table fits"])
def test_full_disk_leaves_the_last_good_table(bundle: Path, undisturbed: Any, limit: int) -> None:
    """A limit of a file's size stands in for a full disk: no write beyond it succeeds."""
    assert run("in.jsonl", bundle).exit_code == 0
    version = DeltaTable(SETTINGS.table).version()
    failed = run("in.jsonl", bundle, rescore=True, file_limit=limit)
    assert failed.exit_code == 1
    assert "File too large" in failed.error
    assert tables() == undisturbed
    assert DeltaTable(SETTINGS.table).version() == version
    again = run("in.jsonl", bundle, rescore=True)
    assert (again.exit_code, again.summary["revision"]) == (0, 2), again.error
    assert tables() == undisturbed
