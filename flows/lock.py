"""One run at a time in a workspace, and of a stage: locks that the system drops when their holder dies."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

LOCK = Path(".prefect") / "run.lock"
HOLDER = Path(".prefect") / "run.pid"
"""The process id of whoever holds the lock; the lock's own file is emptied by those who try it."""
STAGE_LOCKS = Path(".mgm") / "locks"


@contextmanager
def workspace(root: Path = Path()) -> Iterator[None]:
    """Hold the workspace's lock, which the system drops when the holder dies.

    Raises:
        BlockingIOError: another process holds it; the message names its process id.
    """
    with _held(root / LOCK, root / HOLDER, message="another run (process {}) is at work in this folder"):
        yield


@contextmanager
def stage(name: str, root: Path = Path()) -> Iterator[None]:
    """Hold the lock of a stage, such as `train` or `ingest help`.

    Raises:
        BlockingIOError: another process runs the stage; the message names its process id.
    """
    file = root / STAGE_LOCKS / f"{quote(name, safe=' ')}.lock"
    with _held(
        file, file.with_suffix(".pid"), message=f"another run of the stage {name} (process {{}}) is at work"
    ):
        yield


@contextmanager
def _held(path: Path, holder: Path, *, message: str) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, blocking=False)
    try:
        lock.acquire()
    except Timeout as error:
        process = holder.read_text(encoding="utf-8") if holder.is_file() else "unknown"
        raise BlockingIOError(f"{path}: {message.format(process)}; wait for it, or end it") from error
    with lock:
        holder.write_text(str(os.getpid()), encoding="utf-8")
        yield
