"""Stages of one `dvc repro` in processes that are forked from one that has imported their code, since imports took longer than most stages.

DVC starts that process with its first stage (`WarmProcess`), and it ends with DVC. It imports a stage's module when the stage is first run,
and computes nothing: a forked process has the same state as one that has just imported the module. Once a file of the imported code has
changed, another process takes its place, so that a stage runs the code that DVC compares.

Where a process cannot be forked safely, and for other commands, DVC starts a process as ever.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import re
import runpy
import signal
import socket
import subprocess
import sys
import traceback
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

_STAGE = re.compile(r"python -m (flows\.stages\.\w+)((?: \w+)*)")
_ROOTS = ("mgm", "flows")
_ACCEPTED = b"accepted\n"


def parse_command(command: str) -> list[str] | None:
    """Return the module and the arguments of a stage's command; None for another command."""
    match = _STAGE.fullmatch(command)
    return [match[1], *match[2].split()] if match else None


class WarmProcess:
    """The process that stages are forked from, started when it is first needed.

    Attributes:
        folder: the folder that stages run in.
    """

    def __init__(self, folder: Path) -> None:
        """Start nothing yet."""
        self.folder = folder
        self._link: socket.socket | None = None

    def can_run(self, folder: str) -> bool:
        """Return whether stages can be forked here, and run in this folder."""
        return sys.platform == "linux" and Path(folder) == self.folder

    def run(self, stage: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run a stage, a module and its arguments; return its exit status, negative for a signal."""
        request = json.dumps([list(stage), dict(environment)]).encode() + b"\n"
        while True:
            is_new = self._link is None
            link = self._start(environment) if self._link is None else self._link
            with contextlib.suppress(ConnectionError), link.makefile("rb") as answers:
                link.sendall(request)
                if answers.readline() == _ACCEPTED:
                    # without an answer it was ended, and the stage sees that
                    return int(answers.readline() or -signal.SIGTERM)
            self.close()
            if is_new:
                raise ChildProcessError(f"{__name__}: the process that stages are forked from did not start")

    def close(self) -> None:
        """End the process; the next stage starts another."""
        if self._link is not None:
            self._link.close()
            self._process.wait()
            self._link = None

    def _start(self, environment: Mapping[str, str]) -> socket.socket:
        self._link, its_end = socket.socketpair()
        with its_end:
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__],
                cwd=self.folder,
                env=dict(environment),
                stdin=its_end.fileno(),
            )
        return self._link


def serve(link: socket.socket) -> None:
    """Fork a process for every stage that is asked for, and answer with its exit status, until imported code has changed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the stage has it from the terminal, too
    known: dict[str, int] = {}
    with link.makefile("rb") as requests:
        for request in requests:
            stage, environment = json.loads(request)
            if _changed(known):
                return
            # before the import: some libraries read it then
            os.environ.clear()
            os.environ.update(environment)
            _import_code(stage[0])
            known = _imported_code() | known
            link.sendall(_ACCEPTED)
            status = os.waitstatus_to_exitcode(os.waitpid(_fork(stage), 0)[1])
            link.sendall(b"%d\n" % status)


def _fork(stage: Sequence[str]) -> int:
    """Run a stage as `python -m` would, in a forked process; return its id."""
    with warnings.catch_warnings():
        # OpenBLAS and jemalloc have threads, which they prepare for a fork; no others have been started
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if process:
        return process
    status: object = 1
    try:
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), sys.stdin.fileno())  # in place of the link
        signal.signal(signal.SIGINT, signal.default_int_handler)
        module, *sys.argv[1:] = stage
        sys.modules.pop(module, None)
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 1)


def _import_code(name: str) -> None:
    """Import a stage's module, the first time, and what its function `warm_up` imports."""
    if name in sys.modules:
        return
    # what fails does so again in the stage, which tells why
    with contextlib.suppress(Exception, SystemExit):
        getattr(importlib.import_module(name), "warm_up", lambda: None)()
    gc.collect()
    gc.freeze()  # a forked process neither looks through what is imported nor copies its memory by that


def _imported_code() -> dict[str, int]:
    """Return the files of the imported modules of mgm and flows, with the times of their last changes."""
    files = [
        file
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in _ROOTS and (file := getattr(module, "__file__", None)) is not None
    ]
    return {file: os.stat(file).st_mtime_ns for file in files if os.path.exists(file)}


def _changed(known: Mapping[str, int]) -> bool:
    now = _imported_code()
    return any(now.get(file) != time for file, time in known.items())


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` does
    with contextlib.suppress(ConnectionError):  # DVC was ended while a stage ran
        serve(socket.socket(fileno=sys.stdin.fileno()))
    os._exit(0)  # what is imported has nothing to end
