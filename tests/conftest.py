"""What all tests share: how properties are tried, and commands that start with the libraries imported."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from filelock import FileLock

from tests import warm_python

# Before torch is imported: two workers of two threads each wait awake for one another on two cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Without a deadline, since a busy machine is no fault of the code.
hypothesis.settings.register_profile("mgm", deadline=None)
hypothesis.settings.load_profile("mgm")


@pytest.fixture(scope="session", autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What mgm remembers of projects outside of them is not remembered in the user's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of `python`, `dvc` and `mgm` that start with the libraries imported."""
    folder = tmp_path_factory.mktemp("commands")
    server = warm_python.install(folder)
    yield folder
    server.kill()
    server.wait()


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
