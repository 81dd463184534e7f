"""One run at a time in a workspace."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = Path(".prefect") / "run.lock"


@contextmanager
def workspace(root: Path = Path()) -> Iterator[None]:
    """Holds the workspace's lock, which the system drops when the holder dies.

    Raises:
        BlockingIOError: another process holds it; the message names its process id.
    """
    path = root / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise BlockingIOError(
                f"{path}: another run (process {holder}) is at work in this folder; wait for it, or end it"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
