"""A training killed in the middle and started again ends in the same bytes as one that was left alone."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.pipeline.conftest import Project

pytestmark = pytest.mark.slow


def kill_after_epochs(project: Project, epochs: int) -> None:
    """Starts the training stage and kills it, by SIGKILL, once it has told of so many epochs."""
    command = [str(project.commands / "python"), "-m", "flows.stages.train"]
    env = os.environ | {"PYTHONPATH": "", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, cwd=project.root, env=env, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    told = (line for line in process.stderr if line.startswith("epoch "))
    for _ in range(epochs):
        assert next(told, None) is not None, "the training ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_killed_and_resumed_is_the_same_as_never_killed(built: Project, tmp_path: Path) -> None:
    project = built.copy_to(tmp_path / "project")
    project.edit(lambda params: params["train"].update(epochs=30, patience=30, weighting="uncertainty"))
    project.ok("python", "-m", "flows.stages.train")
    whole = (project.root / "models/candidate/manifest.json").read_bytes()
    (project.root / "models/candidate/manifest.json").unlink()

    kill_after_epochs(project, 2)
    kill_after_epochs(project, 9)  # what the checkpoint holds is told again
    output = project.ok("python", "-m", "flows.stages.train")
    assert "resumed after epoch" in output
    assert (project.root / "models/candidate/manifest.json").read_bytes() == whole
    assert not (project.root / "data/checkpoints/train").exists()
