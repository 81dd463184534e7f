"""The finished parts of tables that are not finished, so that a run that was killed is gone on with.

They are in a folder beside the tables, which no stage has as an output, and become the tables' parts by being moved. A part counts as
finished when there is its mark, a file that has what the part gave besides its rows; and only for the same work: the same task and
input, code and libraries.
"""

import json
import shutil
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from mgm.compute.executor import FolderNotShared, TaskFile
from mgm.files import file_sha256, fingerprint, read_json, write_json, write_text

_KEY = "work.txt"
_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Unfinished:
    """The folder of finished parts, and the key of the work that they are of."""

    folder: Path
    key: str

    def reads(self, index: int, files: Iterable[TaskFile]) -> list[TaskFile] | None:
        """Return the files that the work on a part reads, with the key of the work; None: an earlier run has left the part here.

        Args:
            index: the number of the part.
            files: what it is made of.
        """
        # whole, since a run may have been killed while it brought the part here
        is_here = self._read(self._mark(index)) is not None
        return None if is_here else [TaskFile(self.folder / _KEY), *files]

    def result(self, index: int, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what the work on a part gives: what an earlier run has left, else what `make` returns, which is kept.

        Args:
            index: the number of the part.
            make: writes files into the folder, and returns content for JSON: `files` with the SHA-256 of each, and whatever else.

        Raises:
            FolderNotShared: this process sees another folder than the one that has begun the work.
        """
        key = self.folder / _KEY
        if not key.is_file() or key.read_text(encoding="utf-8") != self.key:
            raise FolderNotShared.at(self.folder)
        mark = self._mark(index)
        content = self._read(mark)
        if content is None:
            content = make()
            write_json(mark, content)
        return content

    def _mark(self, index: int) -> Path:
        return self.folder / f"{index:05d}.json"

    def _read(self, mark: Path) -> dict[str, Any] | None:
        """Return the content of a mark if the part is as it was; a machine that fails may lose the end of files."""
        try:
            content: dict[str, Any] = read_json(mark)
            is_whole = all(
                file_sha256(self.folder / name) == expected for name, expected in content["files"].items()
            )
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return content if is_whole else None

    def move(self, places: Mapping[str, Path]) -> None:
        """Move files of the folder, each to its place in a table."""
        for name, place in places.items():
            shutil.move(self.folder / name, place)


@contextmanager
def unfinished_parts(folder: Path, work: object) -> Iterator[Unfinished]:
    """Yield the place of parts of some work; it is left to the next run after an error, and deleted at the end.

    Args:
        folder: the place; what is there of other work is deleted.
        work: everything that the parts depend on, but code.
    """
    # here, since it takes a tenth of a second; it gives sets and arrays one hash, which pickle does not
    import joblib

    key = fingerprint([joblib.hash(work), _code_fingerprint()])
    path = folder / _KEY
    if not path.is_file() or path.read_text(encoding="utf-8") != key:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_text(path, key)
    yield Unfinished(folder, key)
    delete_unfinished(folder)


def delete_unfinished(folder: Path) -> None:
    """Delete a place of unfinished parts, and the folder of such places if it was the last one."""
    # on NFS, files that are still mapped stay until they are not
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folder.parent.rmdir()


def unfinished_folder(target: Path) -> Path:
    """Return the place of unfinished parts of a table, such as data/.clean.unfinished/news of data/clean/news.

    It is beside the folder of the tables and not in it, since there are stages that depend on all of that. As the table's, it is relative to
    the present folder, in which workers elsewhere have another one.
    """
    folder = target.parent if target.parent.name else target.absolute().parent
    return folder.with_name(f".{folder.name}.unfinished") / target.name


@cache
def _code_fingerprint() -> str:
    """Return a hash of mgm's code and of the versions of the libraries that are installed."""
    total = sha256(sys.version.encode())
    for path in sorted(_PACKAGE.rglob("*")):
        if path.suffix in {".py", ".c", ".so"}:
            total.update(path.read_bytes())
    # not sys.path, which libraries such as Ray change; the names of these folders have the versions, and reading them takes no time
    for place in sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}):
        total.update("\n".join(sorted(path.name for path in Path(place).glob("*.dist-info"))).encode())
    return total.hexdigest()
