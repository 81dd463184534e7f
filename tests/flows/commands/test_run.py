"""`mgm run`: DVC's stages, its output and its failures."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flows import exit_codes
from flows.dvc_command import dvc_repro
from tests.flows.conftest import environment

STAGES = """
stages:
  first:
    cmd: echo working; echo made > first
    outs:
      - first
  second:
    cmd: cat first > second
    deps:
      - first
    outs:
      - second
"""
Mgm = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(repository: Path) -> Path:
    """A repository with two stages."""
    (repository / "dvc.yaml").write_text(STAGES, encoding="utf-8")
    return repository


@pytest.fixture
def mgm(project: Path, commands: Path) -> Mgm:
    """Runs `mgm` in the project with a `dvc` on PATH that is not the one to use."""
    other = project.parent / "other"
    other.mkdir()
    (other / "dvc").write_text("#!/bin/sh\nexit 7\n")
    (other / "dvc").chmod(0o755)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(other), environment()["PATH"]])
        return subprocess.run(
            [str(commands / "mgm"), *arguments],
            cwd=project,
            env=environment() | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def test_stages_run_and_only_results_are_on_stdout(project: Path, mgm: Mgm) -> None:
    done = mgm("run")
    assert done.returncode == exit_codes.DONE, done.stderr
    assert (project / "second").read_text() == "made\n"
    assert "working" in done.stderr
    assert done.stdout.strip() == ""  # there are no metrics


@pytest.mark.slow
def test_a_stage_alone_and_again_by_force(project: Path, mgm: Mgm) -> None:
    mgm("run", "first")
    assert (project / "first").exists() and not (project / "second").exists()
    assert "Running stage 'first'" not in mgm("run", "first").stderr
    assert "Running stage 'first'" in mgm("run", "--force", "first").stderr


def test_quiet_is_dvcs_quiet(mgm: Mgm) -> None:
    done = mgm("-q", "run")
    assert done.returncode == exit_codes.DONE
    assert "Running stage" not in done.stderr


def test_a_failed_stage_is_exit_1_and_its_output_stands(project: Path, mgm: Mgm) -> None:
    (project / "dvc.yaml").write_text(STAGES.replace("echo working;", "echo broken >&2; exit 3;"))
    done = mgm("run")
    assert done.returncode == exit_codes.FAILED
    assert "broken" in done.stderr
    assert "failed to reproduce 'first'" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: dvc repro: failed")
    assert "Traceback" not in done.stderr


def test_wrong_names_and_folders_are_named(project: Path, mgm: Mgm) -> None:
    unknown = mgm("run", "secnd")
    assert unknown.returncode == exit_codes.FAILED
    assert unknown.stderr == "error: dvc.yaml: secnd: no such stage (did you mean 'second'?)\n"
    (project / "dvc.yaml").write_text("stages: [", encoding="utf-8")
    assert mgm("run").stderr.startswith("error: dvc.yaml: not valid YAML: ")
    (project / "dvc.yaml").unlink()
    assert "error: dvc.yaml: no such file; run from a project's folder" in mgm("run").stderr


@pytest.mark.parametrize("name", ["c@1", "a;touch x", "$HOME", "it's"])
def test_a_name_that_no_stage_can_have_is_refused(name: str, tmp_path: Path) -> None:
    """Before DVC, whose error of such a name does not say what is wrong with it."""
    (tmp_path / "params.yaml").write_text(json.dumps({"enabled": {name: "rows.csv"}}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"params.yaml: enabled: .* expected letters, digits, _ and -"):
        dvc_repro(folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]


@pytest.mark.slow
def test_an_interrupt_ends_the_stages_and_is_130(project: Path) -> None:
    """As Ctrl-C of a terminal, which reaches every process of the group."""
    stages = "stages:\n  long:\n    cmd: echo $$ > child; exec sleep 321\n"
    (project / "dvc.yaml").write_text(stages, encoding="utf-8")
    # a shell that starts the tests in the background has them ignore SIGINT, which a child inherits
    code = (
        "import signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from flows.cli import main\nsys.exit(main(['run']))"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=project,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    child = project / "child"
    deadline = time.monotonic() + 60
    while not (child.exists() and child.read_text().strip()):
        assert time.monotonic() < deadline and run.poll() is None
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGINT)
    assert run.stderr is not None
    error = run.stderr.read()
    assert run.wait(timeout=60) == exit_codes.INTERRUPTED, error
    assert error.splitlines()[-1] == "interrupted; the same command continues"
    with pytest.raises(ProcessLookupError):
        os.kill(int(child.read_text()), 0)
