"""One run at a time in a workspace."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = Path(".prefect") / "run.lock"
HOLDER = Path(".prefect") / "run.pid"
"""The process id of whoever holds the lock; the lock's own file is emptied by those who try it."""


@contextmanager
def workspace(root: Path = Path()) -> Iterator[None]:
    """Hold the workspace's lock, which the system drops when the holder dies.

    Raises:
        BlockingIOError: another process holds it; the message names its process id.
    """
    (root / LOCK).parent.mkdir(parents=True, exist_ok=True)
    lock, holder = FileLock(root / LOCK, blocking=False), root / HOLDER
    try:
        lock.acquire()
    except Timeout as error:
        process = holder.read_text(encoding="utf-8") if holder.is_file() else "unknown"
        raise BlockingIOError(
            f"{root / LOCK}: another run (process {process}) is at work in this folder; wait for it, or end it"
        ) from error
    with lock:
        holder.write_text(str(os.getpid()), encoding="utf-8")
        yield
