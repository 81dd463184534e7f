"""Real, tiny DVC repositories, and the command lines run in them."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mgm.bundle.contents import FORMAT

SOURCE = Path(__file__).resolve().parents[2]

Run = Callable[..., subprocess.CompletedProcess[str]]


def environment() -> dict[str, str]:
    """This environment without Prefect's own settings, so that a run in `cwd` finds that folder's."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return kept | {"PYTHONPATH": str(SOURCE), "PATH": path, "DVC_NO_ANALYTICS": "1"}


@pytest.fixture(scope="session")
def empty_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git and DVC repository without a stage."""
    root = tmp_path_factory.mktemp("repository")
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=root, env=environment(), check=True, capture_output=True)
    (root / ".gitignore").write_text(".prefect/\n", encoding="utf-8")
    return root


@pytest.fixture
def repository(empty_repository: Path, tmp_path: Path) -> Path:
    """A copy of the repository for one test."""
    return shutil.copytree(empty_repository, tmp_path / "repository", symlinks=True)


@pytest.fixture(scope="session")
def run_module(commands: Path) -> Run:
    """Runs `python -m MODULE ARGUMENTS` in a folder to its end."""

    def run(module: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        command = [str(commands / "python"), "-m", module, *arguments]
        return subprocess.run(
            command, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=400
        )

    return run


@pytest.fixture
def warm(commands: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what a test starts by `sys.executable` or `environment` start with the libraries imported."""
    monkeypatch.setattr(sys, "executable", str(commands / "python"))


@pytest.fixture
def make_bundle() -> Callable[[Path, str], str]:
    """Writes a folder with a bundle's manifest over an empty config and `text`, its profile, and returns its id."""

    def make(folder: Path, text: str) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        files = {"config.json": "{}", "profile.json": text}
        for name, content in files.items():
            (folder / name).write_text(content, encoding="utf-8")
        hashes = {name: hashlib.sha256(content.encode()).hexdigest() for name, content in files.items()}
        manifest = json.dumps({"format": FORMAT, "files": hashes})
        (folder / "manifest.json").write_text(manifest, encoding="utf-8")
        return hashlib.sha256(manifest.encode()).hexdigest()

    return make
