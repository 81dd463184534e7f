"""Python processes that start with the libraries already imported, for tests that run many commands.

Importing torch, Polars and Great Expectations takes a stage longer than its work on a tiny corpus. `serve` imports them once and
forks a process for each command; `python`, `dvc` and `mgm` in the folder of `install` are clients of it. A process is a real one, in the
folder and with the environment, the arguments and the standard streams of its client, and ends with it. The project's own code is
never imported before the fork: a test may change it.

What such a process starts by `sys.executable` or by multiprocessing is forked as well, and has the file descriptors that were
handed to its client, under their numbers.
"""

import fcntl
import gc
import importlib
import importlib.abc
import importlib.machinery
import inspect
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import psutil

LIBRARIES = (
    "torch",
    "torch._dynamo",  # which optimizers import
    "polars",
    "pyarrow.parquet",
    "deltalake",
    "dataframely",
    "pydantic",
    "ruamel.yaml",
    "safetensors.torch",
    "scipy.sparse",
    "scipy.stats",
    "sklearn.svm",
    "cleanlab",
    "ftfy",
    "rensa",
    "rapidfuzz",
    "sacrebleu",
    "rouge_score.rouge_scorer",
    "sentencepiece",
    "jinja2",
    "dvc.cli",
    "dvc.repo",
    "dvc.cli.parser",  # and by it all of DVC's commands
    "dvc.repo.experiments",
    "networkx",  # which DVC imports for its graph
    "dulwich.repo",
    "scmrepo.git",
    "dvclive",
    "great_expectations",
    "prefect",
    "prefect.server.api.server",
    "prefect.client.orchestration",
    "tqdm",
    "typer",
    "rich.markdown",
    "graphviz",
    "anyio._backends._asyncio",
    "opencc",
    "rjieba",
    "selectolax",
    "stopwordsiso",
)
MOST_DESCRIPTORS = 32
FREE_NUMBER = 200
"""From this number on a client has no file descriptor."""
CLIENT = """#!{python} -SE
import array, json, os, socket, sys
numbers = [0, 1, 2]
if "--multiprocessing-fork" in sys.argv or "from multiprocessing.resource_tracker" in sys.argv[-1]:
    numbers += [int(name) for name in os.listdir("/dev/fd") if 2 < int(name) and os.path.exists("/dev/fd/" + name)]
link = socket.socket(socket.AF_UNIX)
link.connect({address!r})
request = json.dumps([{prefix!r} + sys.argv[1:], os.getcwd(), dict(os.environ), numbers]).encode()
link.sendmsg([len(request).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", numbers))])
link.sendall(request)
status = link.recv(1)
sys.exit(status[0] if status else 70)
"""


def install(folder: Path, owner: int, ready_seconds: float = 180) -> None:
    """Start a server that ends with the process `owner`, and write its clients into a new folder, which a test puts first on PATH.

    Raises:
        RuntimeError: the server did not start in time.
    """
    folder.mkdir()
    address = folder / "socket"
    for name, prefix in (("python", []), ("dvc", ["-m", "dvc"]), ("mgm", ["-m", "flows.cli"])):
        client = folder / name
        client.write_text(CLIENT.format(python=sys.executable, address=str(address), prefix=prefix))
        client.chmod(0o755)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, str(address), str(owner)]
    server = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + ready_seconds
    while not address.exists():
        if server.poll() is not None or time.monotonic() > deadline:
            server.kill()
            raise RuntimeError(f"{address}: the server of warm processes did not start")
        time.sleep(0.05)


def serve(address: Path, owner: int) -> None:
    """Import the libraries, then fork a process for every client, as long as the owner lives."""
    for library in LIBRARIES:
        __import__(library)
    # Pydantic finds a class's docstrings by its module, for which Python once looks up the files of all that is imported.
    inspect.getmodule(compile("0", "of no module", "eval"))
    gc.freeze()  # a child neither looks through what is imported nor copies its pages by that
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended processes are not waited for
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(address))
    listener.listen(64)
    listener.settimeout(1)
    while True:
        try:
            link, _ = listener.accept()
        except TimeoutError:
            if not psutil.pid_exists(owner):
                return
            continue
        if os.fork() == 0:
            listener.close()
            sys.executable = str(address.with_name("python"))  # what the command starts is warm too
            multiprocessing.set_executable(sys.executable)
            _answer(link)
        link.close()


def _answer(link: socket.socket) -> None:
    """Run one client's command in this process, which ends with it or with the client."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, descriptors, _, _ = socket.recv_fds(link, 8, MOST_DESCRIPTORS)
    size, request = int.from_bytes(head, "big"), b""
    while len(request) < size:
        request += link.recv(size - len(request))
    arguments, folder, environment, numbers = json.loads(request)
    while arguments[0] in (
        "-u",
        "-P",
        "-B",
    ):  # the streams are flushed by line or at the end, as a test needs them
        arguments = arguments[1:]
    sys.path[1:1] = [entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry]
    link = socket.socket(fileno=_moved(link.detach()))
    for descriptor, number in zip([_moved(each) for each in descriptors], numbers, strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.setpgid(0, 0)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    _end_with(link)
    _PrefectAnew()
    status = _run(arguments, folder)
    for stream in (sys.stdout, sys.stderr):
        if not stream.closed:
            stream.flush()
    link.sendall(bytes([status & 0xFF]))
    os._exit(0)


class _PrefectAnew(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the Prefect that is there already, and lets it read the environment and prefect.toml then, as at a first import."""

    def __init__(self) -> None:
        names = [name for name in sys.modules if name.partition(".")[0] == "prefect"]
        self._modules = {name: sys.modules.pop(name) for name in names}
        sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != "prefect":
            return None
        return importlib.machinery.ModuleSpec(
            fullname, self, is_package=True
        )  # so that `-m prefect` finds its __main__

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        sys.meta_path.remove(self)
        sys.modules.update(self._modules)
        prefect = self._modules["prefect"]
        self._spec = prefect.__spec__
        spec.submodule_search_locations = list(prefect.__path__)
        return prefect

    def exec_module(self, module: ModuleType) -> None:
        assert self._spec is not None, "the first import left it"
        module.__spec__, module.__loader__ = self._spec, self._spec.loader
        importlib.import_module("prefect.context").refresh_global_settings_context()
        importlib.import_module("prefect.logging.configuration").setup_logging()


def _moved(descriptor: int) -> int:
    """Return the descriptor under a number that no client uses."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, FREE_NUMBER)
    os.close(descriptor)
    return moved


def _end_with(link: socket.socket) -> None:
    """Kill this process and its children when the client is gone."""
    import threading

    def watch() -> None:
        if not link.recv(1):
            os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _run(arguments: list[str], folder: str) -> int:
    """Run `-m module ...`, `-c code ...` or `file ...` as the interpreter would; return the exit status."""
    import atexit
    import runpy
    import traceback

    try:
        if arguments[0] == "-m":
            sys.argv, sys.path[0] = arguments[1:], folder
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        elif arguments[0] == "-c":
            sys.argv, sys.path[0] = ["-c", *arguments[2:]], folder
            exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})
        else:
            sys.argv, sys.path[0] = arguments, str(Path(arguments[0]).parent)
            runpy.run_path(arguments[0], run_name="__main__")
        status: object = 0
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
        status = 1
    if isinstance(status, str):
        print(status, file=sys.stderr)
    atexit._run_exitfuncs()
    return status if isinstance(status, int) else int(status is not None)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
