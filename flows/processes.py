"""Child processes that never outlive the run: each in its own process group, killed whole when the run dies."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

GRACE_SECONDS = 5.0
"""The seconds that a group may take to end after SIGTERM before it is killed."""

# The group's leader waits for the end of a pipe that only this process holds open. Should this process be killed
# outright, the pipe closes and the leader kills its group: no handler of ours could.
_LEADER = ["/bin/sh", "-c", "read -r _; kill -KILL 0"]

_groups: set[int] = set()
_guard = threading.Lock()


def run(
    command: Sequence[str],
    cwd: Path,
    *,
    on_line: Callable[[str], None],
    environment: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """Run a command in a new process group, and kill the group's remaining processes when it ends.

    Args:
        on_line: called with each line of the output, of both streams.
        environment: variables beside those of this process.

    Returns:
        The exit status, negative for a signal.
    """
    with subprocess.Popen(
        _LEADER, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, process_group=0
    ) as leader:
        group = leader.pid
        with _guard:
            _groups.add(group)
        try:
            child = subprocess.Popen(
                command,
                cwd=cwd,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                process_group=group,
            )
            # A command that is killed may leave children that hold its output open: they end when it does.
            watch = threading.Thread(target=_end_with, args=(child, group), daemon=True)
            watch.start()
            with child:
                assert child.stdout is not None
                for line in child.stdout:
                    on_line(line.rstrip())
            watch.join()
            return child.returncode
        finally:
            _signal(group, signal.SIGKILL)
            leader.wait()
            with _guard:
                _groups.discard(group)


def _end_with(child: subprocess.Popen[str], group: int) -> None:
    """Wait for the child and kill the remaining processes of its group."""
    child.wait()
    _signal(group, signal.SIGKILL)


def terminate_all() -> None:
    """End every group that `run` has started: SIGTERM, then SIGKILL after GRACE_SECONDS."""
    with _guard:
        groups = set(_groups)
    for group in groups:
        _signal(group, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline:
        with _guard:
            if not groups & _groups:
                return
        time.sleep(0.05)
    with _guard:
        left = groups & _groups
    for group in left:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # the group has ended by itself
        os.killpg(group, number)
