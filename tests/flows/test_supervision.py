"""A stage and its children end soon after the DVC that runs the stage, or the command that runs DVC."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from flows.supervision import stage_key

STAGE = """
import os, subprocess, sys, time
from flows import supervision
supervision.POLL_SECONDS = 0.02
supervision.end_with_dvc()
if "torchrun" in sys.argv:
    sys.exit(subprocess.call([sys.executable, "-c", sys.argv[1], sys.argv[1]]))
child = subprocess.Popen(["sleep", "60"])
print(os.getpid(), child.pid, flush=True)
time.sleep(60)
"""
DVC = "import os, subprocess, sys; subprocess.call(sys.argv[1:], env=os.environ | {'DVC_STAGE': 'train'})"
COMMAND = "import os, subprocess, sys; subprocess.call(sys.argv[1:], env=os.environ | {'MGM_RUNNER': str(os.getpid())})"

RUN_STAGE = [sys.executable, "-c", STAGE, STAGE]
RUN_DVC = [sys.executable, "-S", "-c", DVC]
CHAINS = {
    "dvc": [*RUN_DVC, *RUN_STAGE],
    "shell between": [*RUN_DVC, "sh", "-c", '"$@"; true', "sh", *RUN_STAGE],
    "torchrun between": [*RUN_DVC, *RUN_STAGE, "torchrun"],
    "command above": [sys.executable, "-S", "-c", COMMAND, *RUN_DVC, *RUN_STAGE],
}


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it may end between any two looks at it
        return False


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["terminated", "killed"])
def test_a_stage_ends_with_what_runs_it(chain: str, number: signal.Signals) -> None:
    with subprocess.Popen(CHAINS[chain], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        stage_and_child = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
        assert len(stage_and_child) == 2
        assert all(p.is_running() for p in stage_and_child)
        process.send_signal(number)
        process.wait()
    deadline = time.monotonic() + 10
    while any(is_alive(p) for p in stage_and_child):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_stage_without_dvc_is_left_alone() -> None:
    """A person may close the terminal in which a stage was begun under nohup."""
    kept = {name: value for name, value in os.environ.items() if name != "DVC_STAGE"}
    with subprocess.Popen(
        ["sh", "-c", '"$@"; true', "sh", *RUN_STAGE], stdout=subprocess.PIPE, env=kept
    ) as process:
        assert process.stdout is not None
        stage, child = (psutil.Process(int(pid)) for pid in process.stdout.readline().split())
        process.kill()
        process.wait()
        time.sleep(0.1)
        assert stage.is_running() and child.is_running()
        child.kill()
        stage.kill()


@pytest.mark.parametrize(
    ("name", "key"),
    [("train", None), ("ingest@help", "help"), ("study/dvc.yaml:single@ti:t@le", "ti:t@le"), ("", None)],
)
def test_the_key_is_that_of_the_stage(name: str, key: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_STAGE", name)
    assert stage_key() == key
