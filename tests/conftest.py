"""What all tests share: how properties are tried, and commands that start with the libraries imported."""

import gc
import os
import socket
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
from filelock import FileLock

from tests import warm_python

# Before torch is imported: two workers of two threads each wait awake for one another on two cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Without a deadline, since a busy machine is no fault of the code. `--hypothesis-profile=thorough` looks longer for a counterexample.
hypothesis.settings.register_profile("mgm", deadline=None, max_examples=50)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=1000)
hypothesis.settings.load_profile("mgm")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from the 800,000 objects of imported modules, which live to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What mgm remembers of projects outside of them is not remembered in the user's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def commands(shared_folder: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """Return the folder of `python`, `dvc` and `mgm` that start with the libraries imported, for all of pytest's workers."""
    session = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    return shared_folder("commands", lambda folder: warm_python.install(folder, session))


with socket.socket() as _probe:
    _probe.bind(("127.0.0.1", 0))
    _CLIENT_PORT = _probe.getsockname()[1]


@pytest.fixture(scope="session")
def cluster_address() -> Iterator[str]:
    """Yield the address of a Ray cluster of two nodes of one CPU each, processes of this machine, which require no token.

    They have the credentials of the tests' object store, as nodes have some that no driver sends.
    """
    from ray.cluster_utils import Cluster

    from tests.object_store import CREDENTIALS

    node = {"num_cpus": 1, "object_store_memory": 100 << 20}
    head = node | {"include_dashboard": False, "ray_client_server_port": _CLIENT_PORT}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        nodes = Cluster(initialize_head=True, head_node_args=head)
        nodes.add_node(**node)
    try:
        nodes.wait_for_nodes()
        yield nodes.address
    finally:
        nodes.shutdown()


@pytest.fixture(scope="session")
def client_address(cluster_address: str) -> str:
    """Return the address by which processes that are none of the cluster's reach it."""
    return f"ray://127.0.0.1:{_CLIENT_PORT}"


@pytest.fixture(scope="session")
def shared_folder(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str, Callable[[Path], object]], Path]:
    """Return a folder that the first of pytest's workers to ask for it fills; no test may change it."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent

    def folder(name: str, fill: Callable[[Path], object]) -> Path:
        complete = base / f"{name}.complete"
        with FileLock(base / f"{name}.lock"):
            if not complete.exists():
                fill(base / name)
                complete.touch()
        return base / name

    return folder
