"""A night survives whatever ends it: it is killed at every step, raced, and starved of disk, and is committed once."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from mgm.scoring import steps
from mgm.scoring.table import nights
from tests import tiny
from tests.scoring.nights import DAY, SETTINGS, SHARDS, documents, tables

REPOSITORY = Path(__file__).parents[2]
pytestmark = pytest.mark.slow

# A process of its own: it says how many documents it scored.
SCRIPT = """
import json, sys
from pathlib import Path
from flows.score import score
from mgm.scoring.scorer import Scorer
from tests.scoring.nights import DAY, SETTINGS
scored, real = [], Scorer.score
def counted(self, frame, corpus=None):
    scored.append(frame.height)
    return real(self, frame, corpus)
Scorer.score = counted
try:
    summary = score(DAY, sys.argv[1], Path(sys.argv[2]), settings=SETTINGS, rescore="rescore" in sys.argv)
except (ValueError, OSError) as error:
    sys.exit(f"error: {error}")
print(json.dumps(summary | {"scored_now": sum(scored)}))
"""


def start(source: str, bundle: Path, *more: str, kill_at: str = "", limit: int | None = None) -> Any:
    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    path = {"PYTHONPATH": str(REPOSITORY), steps.VARIABLE: kill_at}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, source, str(bundle), *more],
        env=os.environ | path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limited,
    )


def ended(process: Any) -> tuple[int, dict[str, Any], str]:
    """The exit code, the summary where there is one, and the errors."""
    out, errors = process.communicate(timeout=300)
    lines = out.strip().splitlines()
    return process.returncode, json.loads(lines[-1]) if lines and process.returncode == 0 else {}, errors


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.saved_bundle(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Any:
    """What an undisturbed run of the night leaves in the tables."""
    before, folder = Path.cwd(), tmp_path_factory.mktemp("undisturbed")
    os.chdir(folder)
    try:
        documents().write_ndjson("in.jsonl")
        code, summary, errors = ended(start("in.jsonl", bundle))
        assert code == 0, errors
        assert summary["scored_now"] == 31
        return tables()
    finally:
        os.chdir(before)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    documents().write_ndjson("in.jsonl")


@pytest.mark.parametrize("step", steps.STEPS)
def test_a_night_that_is_killed_at_a_step_and_run_again_is_an_undisturbed_one(
    bundle: Path, undisturbed: Any, step: str
) -> None:
    code, _, errors = ended(start("in.jsonl", bundle, kill_at=step))
    assert code == -signal.SIGKILL, errors
    committed = steps.STEPS.index(step) >= steps.STEPS.index(steps.PREDICTIONS_COMMITTED)
    assert bool(Path(SETTINGS.table).is_dir() and nights(DeltaTable(SETTINGS.table))) == committed
    finished = len(list(SHARDS.glob("*/done.json"))) - len(list(SHARDS.glob("*.tmp/done.json")))
    code, summary, errors = ended(start("in.jsonl", bundle))
    assert code == 0, errors
    assert tables() == undisturbed
    assert summary["state"] == ("skipped" if committed else "scored") and summary["revision"] == 1
    # Shards are of 8 documents; the last one has 7.
    assert summary["scored_now"] == (0 if committed else max(0, 31 - 8 * finished))
    assert len(nights(DeltaTable(SETTINGS.table))) == 1
    assert {p.name for p in SHARDS.parent.iterdir()} == {"_shards.json", "gate.json", "summary.json"}
    assert Path("reports/nights/2026-01-01.html").is_file()


def test_a_rescore_that_is_killed_leaves_the_last_revision(bundle: Path, undisturbed: Any) -> None:
    assert ended(start("in.jsonl", bundle))[0] == 0
    documents()[3:].write_ndjson("less.jsonl")
    code, _, _ = ended(start("less.jsonl", bundle, "rescore", kill_at=steps.PREDICTIONS_WRITING))
    assert code == -signal.SIGKILL
    assert tables()[0] == undisturbed[0]
    code, summary, errors = ended(start("less.jsonl", bundle, "rescore"))
    assert (code, summary["revision"], summary["scored_now"]) == (0, 2, 0), errors
    assert len(tables()[0]) == 27


def test_two_processes_at_once_commit_the_night_once(bundle: Path, undisturbed: Any) -> None:
    both = [start("in.jsonl", bundle) for _ in range(2)]
    for code, summary, errors in [ended(process) for process in both]:
        assert code == 0, errors
        assert summary["revision"] == 1
    assert tables() == undisturbed
    assert len(nights(DeltaTable(SETTINGS.table))) == 1


def test_of_two_processes_with_other_documents_one_fails_and_says_so(bundle: Path) -> None:
    documents()[:9].write_ndjson("other.jsonl")
    results = [ended(p) for p in [start(s, bundle, "rescore") for s in ("in.jsonl", "other.jsonl")]]
    made = [night for _, _, night in nights(DeltaTable(SETTINGS.table))]
    lost = [errors for code, _, errors in results if code]
    # The second may also have begun after the first had ended; then it is the next revision.
    assert len(made) + len(lost) == 2
    for errors in lost:
        assert f"night {DAY}: another run has committed revision 1 of input" in errors
        assert "Traceback" not in errors


@pytest.mark.parametrize("limit", [100, 4_000])
def test_a_full_disk_is_one_clear_error_and_leaves_the_last_good_table(
    bundle: Path, undisturbed: Any, limit: int
) -> None:
    """A limit of a file's size stands in for a full disk: no write beyond it succeeds."""
    assert ended(start("in.jsonl", bundle))[0] == 0
    version = DeltaTable(SETTINGS.table).version()
    code, _, errors = ended(start("in.jsonl", bundle, "rescore", limit=limit))
    assert code == 1
    assert errors.strip().splitlines()[-1].startswith("error: ") and "Traceback" not in errors
    assert "File too large" in errors
    assert tables() == undisturbed
    assert DeltaTable(SETTINGS.table).version() == version
    code, summary, errors = ended(start("in.jsonl", bundle, "rescore"))
    assert (code, summary["revision"]) == (0, 2), errors
    assert tables() == undisturbed
