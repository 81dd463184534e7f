"""The retrain flow as a user starts it. Each run starts a temporary Prefect server, some ten seconds; few runs, many looks."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from flows import lock
from tests.flows.conftest import Run, environment

# `left` and `right` wait for each other: they end well only when they run at once.
MEETING = "touch {mine}.here; for i in $(seq 300); do test -f {other}.here && break; sleep 0.1; done; test -f {other}.here"
STAGES = f"""
stages:
  left:
    cmd: {MEETING.format(mine="left", other="right")} && echo 左 > left
    outs:
      - left
  right:
    cmd: {MEETING.format(mine="right", other="left")} && echo 右 > right
    outs:
      - right
  broken:
    cmd: cat left; echo "corpus.jsonl, row 7 has no text" >&2; exit 1
    deps:
      - left
    outs:
      - broken
  below:
    cmd: cat broken > below
    deps:
      - broken
    outs:
      - below
  beside:
    cmd: cat left right > beside
    deps:
      - left
      - right
    outs:
      - beside
"""


@pytest.fixture(scope="module")
def failed(empty_repository: Path, tmp_path_factory: pytest.TempPathFactory, run_module: Run):
    """The project after one run in which `broken` failed, and that run."""
    root = shutil.copytree(empty_repository, tmp_path_factory.mktemp("train") / "project", symlinks=True)
    (root / "dvc.yaml").write_text(STAGES, encoding="utf-8")
    return root, run_module("flows.train", "--workers", "2", cwd=root)


@pytest.mark.slow
def test_a_failed_stage_fails_the_run_and_shows_its_output(failed) -> None:
    _, run = failed
    assert run.returncode == 1
    error = run.stderr[run.stderr.rindex("\nerror: ") :]
    assert "stage broken failed after" in error
    assert "corpus.jsonl, row 7 has no text" in error
    assert "not run, because they need what failed: below" in error


@pytest.mark.slow
def test_nothing_below_a_failed_stage_runs(failed) -> None:
    root, run = failed
    assert not (root / "below").exists()
    assert "Running stage 'below'" not in run.stdout + run.stderr


@pytest.mark.slow
def test_independent_stages_run_at_once_and_to_their_end(failed) -> None:
    root, _ = failed
    assert (root / "beside").read_text(encoding="utf-8") == "左\n右\n"
    assert all(f"\n  {name}:" in (root / "dvc.lock").read_text() for name in ("left", "right", "beside"))


@pytest.mark.slow
def test_prefect_stays_in_the_project_and_quiet(failed) -> None:
    root, _ = failed
    assert (root / ".prefect" / "prefect.db").is_file()
    settings = "import flows.environment; from prefect.settings import get_current_settings as s; print(s().server.analytics_enabled)"
    shown = subprocess.run(
        [sys.executable, "-c", settings],
        cwd=root,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == "False"


@pytest.mark.slow
def test_the_repaired_project_runs_what_is_left_and_promotes(
    failed, run_module: Run, make_bundle, tmp_path: Path
) -> None:
    root = shutil.copytree(failed[0], tmp_path / "project", symlinks=True)
    identity = make_bundle(root / "models" / "candidate", "first")
    (root / "reports").mkdir()
    verdict = {"verdict": "approved", "bundle": identity, "champion": None, "reasons": []}
    (root / "reports" / "promotion.json").write_text(json.dumps(verdict))
    (root / "reports" / "card.md").write_text(f"Bundle: `{identity}`\n")
    entry = {"kind": "classification", "macro_f1": 0.5, "low": 0.4, "high": 0.6, "baseline": 0.2, "n": 9}
    (root / "reports" / "metrics.json").write_text(json.dumps({"module": entry}))
    stages = (root / "dvc.yaml").read_text(encoding="utf-8")
    (root / "dvc.yaml").write_text(stages.replace("exit 1", "echo mended > broken"), encoding="utf-8")

    done = run_module("flows.train", "--promote", cwd=root)
    assert done.returncode == 0, done.stderr
    assert (root / "below").read_text() == "mended\n"
    log = done.stdout + done.stderr
    assert "Running stage 'below'" in log
    assert "Running stage 'left'" not in log
    assert f"bundle {identity[:12]} is the champion" in log
    assert done.stdout.splitlines()[-1] == "report: reports/report.html"
    assert "0.500" in done.stdout.splitlines()[-2]

    verdict = verdict | {"verdict": "refused", "reasons": ["module is below its floor"]}
    (root / "reports" / "promotion.json").write_text(json.dumps(verdict))
    refused = run_module("flows.train", "--promote", cwd=root)
    assert refused.returncode == 1
    assert "module is below its floor" in refused.stderr


# A shell that starts the tests in the background has them ignore SIGINT, which a child inherits.
INTERRUPTIBLE = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("flows.train", run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_an_ended_run_leaves_no_process(repository: Path, run_module: Run, number: signal.Signals) -> None:
    stages = "stages:\n  long:\n    cmd: sleep 321 & echo $! > child; wait\n"
    (repository / "dvc.yaml").write_text(stages, encoding="utf-8")
    with (repository / "log").open("wb") as log:
        run = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTIBLE], cwd=repository, env=environment(), stdout=log, stderr=log
        )
    _wait_for(repository / "child")
    started = psutil.Process(run.pid).children(recursive=True)
    assert any("uvicorn" in process.cmdline() for process in started)
    assert any(process.cmdline() == ["sleep", "321"] for process in started)
    second = run_module("flows.train", cwd=repository) if number == signal.SIGINT else None
    os.kill(run.pid, number)
    assert run.wait(timeout=60) != 0, (repository / "log").read_text()
    _, left = psutil.wait_procs(started, timeout=20)
    assert [process for process in left if process.status() != psutil.STATUS_ZOMBIE] == []
    with lock.workspace(repository):
        pass
    if second is not None:
        assert second.returncode == 1
        assert f"another run (process {run.pid}) is at work in this folder" in second.stderr


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 90
    while not (path.is_file() and path.read_text().strip()):
        assert time.monotonic() < deadline, f"{path} was never written"
        time.sleep(0.1)
