"""A stage ends with the DVC that runs it: DVC leaves its stages behind where it is ended by SIGTERM or SIGKILL."""

import contextlib
import os
import signal
import threading
import time

import psutil

STAGE = "DVC_STAGE"
"""The variable in which DVC names the stage that it runs, such as `ingest@help` or `study/dvc.yaml:single@title`."""
RUNNER = "MGM_RUNNER"
"""The variable with the process id of the uppermost process that is watched: the command that runs DVC, or DVC itself."""
POLL_SECONDS = 0.5
ENDED = 143
"""The exit status of a stage that ends with DVC: that of a process ended by SIGTERM."""

# DVC runs a stage by the user's shell, which most often becomes the stage, and else waits for it.
_SHELLS = ("sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "busybox")


def stage_key() -> str | None:
    """Return the corpus, task or granularity of the stage that DVC runs.

    The commands in dvc.yaml do not name it, since a shell would read the name as a part of the command. Returns None for a stage
    that has none, and outside of DVC.
    """
    return os.environ.get(STAGE, "").partition("@")[2] or None


def end_with_dvc() -> None:
    """Watch from now on whether the DVC that runs this process lives, and end this process and its children soon after it."""
    if STAGE in os.environ:
        links = _links_to_dvc()
        # for what this process becomes or starts, such as torchrun's processes
        os.environ[RUNNER] = str(links[-1][1])
        threading.Thread(target=_watch, args=(links,), daemon=True).start()


def _links_to_dvc() -> list[tuple[int, int]]:
    """Return the processes from this one up to DVC, or up to the command that runs DVC, each below its parent."""
    runner = int(os.environ.get(RUNNER, "0"))
    process = psutil.Process()
    ancestors = process.parents()
    has_runner = any(ancestor.pid == runner for ancestor in ancestors)
    links = []
    for ancestor in ancestors:
        links.append((process.pid, ancestor.pid))
        is_last = ancestor.pid == runner if has_runner else ancestor.name().lower() not in _SHELLS
        if is_last:
            break
        process = ancestor
    return links


def _watch(links: list[tuple[int, int]]) -> None:
    while all(_is_parent(parent, process) for process, parent in links):
        time.sleep(POLL_SECONDS)
    try:
        # Children last and all at once: the main thread may wait for one, and its end would end this thread before it has killed others.
        for child in reversed(psutil.Process().children(recursive=True)):
            with contextlib.suppress(OSError):
                os.kill(child.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):  # the output may have ended with DVC
            os.write(2, b"error: ended, as what ran this stage has ended\n")
    finally:  # children that cannot be listed keep no stage alive
        os._exit(ENDED)


def _is_parent(parent: int, process: int) -> bool:
    """Return whether a process lives and is the child of another, which then lives, too."""
    try:
        return psutil.Process(process).ppid() == parent
    except (psutil.Error, OSError):  # it ends in this moment
        return False
