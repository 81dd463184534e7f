import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from flows import processes

PARENT = """
import sys
from pathlib import Path
from flows import processes
processes.run(["sh", "-c", "sleep 300 & echo $! > child; wait"], Path(sys.argv[1]), on_line=print)
"""


def _wait(until: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if until():
            return True
        time.sleep(0.02)
    return False


def _alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def _child(folder: Path) -> int:
    path = folder / "child"
    assert _wait(lambda: path.is_file() and path.read_text().strip() != "")
    return int(path.read_text())


def test_output_and_status(tmp_path: Path) -> None:
    lines: list[str] = []
    command = ["sh", "-c", r"echo 一; echo two >&2; printf '\377 three\n'; exit 7"]
    assert processes.run(command, tmp_path, on_line=lines.append) == 7
    assert lines == ["一", "two", "� three"]


def test_what_a_command_leaves_behind_is_killed(tmp_path: Path) -> None:
    assert (
        processes.run(["sh", "-c", "sleep 300 >/dev/null 2>&1 & echo $! > child"], tmp_path, on_line=print)
        == 0
    )
    left = _child(tmp_path)
    assert _wait(lambda: not _alive(left))


def test_a_killed_command_leaves_no_child(tmp_path: Path) -> None:
    """As dvc's stage does, when dvc itself is killed."""
    command = ["sh", "-c", "echo begun; sleep 300 & echo $! > child; kill -KILL $$"]
    lines: list[str] = []
    assert processes.run(command, tmp_path, on_line=lines.append) == -signal.SIGKILL
    assert lines == ["begun"]
    left = _child(tmp_path)
    assert _wait(lambda: not _alive(left))


def test_terminate_all_ends_the_group(tmp_path: Path) -> None:
    status: list[int] = []
    command = ["sh", "-c", "sleep 300 & echo $! > child; wait"]
    thread = threading.Thread(target=lambda: status.append(processes.run(command, tmp_path, on_line=print)))
    thread.start()
    child = _child(tmp_path)
    processes.terminate_all()
    thread.join(10)
    assert status == [-signal.SIGTERM]
    assert _wait(lambda: not _alive(child))


def test_terminate_all_kills_what_ignores_sigterm(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.3)
    status: list[int] = []
    command = ["sh", "-c", "trap '' TERM; sleep 300 & echo $! > child; wait"]
    thread = threading.Thread(target=lambda: status.append(processes.run(command, tmp_path, on_line=print)))
    thread.start()
    child = _child(tmp_path)
    processes.terminate_all()
    thread.join(10)
    assert status == [-signal.SIGKILL]
    assert _wait(lambda: not _alive(child))


def test_kill_9_of_the_parent_leaves_no_child(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)])
    child = _child(tmp_path)
    assert _alive(child)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert _wait(lambda: not _alive(child))
