"""Calls in a folder of a worker's own: files come from storage, and those that a call has written go there."""

import contextlib
import fcntl
import os
import platform
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from mgm.compute.executor import Emitted, TaskFile
from mgm.compute.sent_function import SentFunction
from mgm.compute.storage import Storage, StorageFailed
from mgm.files import file_sha256

ENVIRONMENT = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION")
"""The variables that say where an object store is, which nodes get that have none of them. Credentials do not travel."""
_PREFIX = "mgm-worker-"


class CallWithStorage:
    """What a worker does that does not see the project's folder.

    Args:
        address: the storage.
        owner: what it says of whose it is.
        environment: variables for a node that has none of `ENVIRONMENT`.
    """

    def __init__(self, address: str, owner: str, environment: dict[str, str]) -> None:  # noqa: PLR0917  (called through the pool)
        if not any(name in os.environ for name in ENVIRONMENT):
            os.environ.update(environment)
        self._address, self._owner = address, owner
        self._storage: Storage | None = None
        self._function = SentFunction()
        self._present: dict[Path, str] = {}
        """The files in the folder, with their hashes."""
        _delete_abandoned()
        self._folder, self._lock = _make_folder()

    def __call__(  # noqa: PLR0917  (called through the pool)
        self, content: bytes, files: list[TaskFile], arguments: tuple[Any, ...]
    ) -> tuple[Any, list[TaskFile]]:
        """Return the result of a function, and the files that it has written.

        Args:
            content: the function, pickled.
            files: those that the call reads.
            arguments: those of the call.

        Raises:
            Whatever the function raises; StorageFailed: this node does not reach the storage.
        """
        storage = self._open()
        with contextlib.chdir(self._folder):
            self._fetch(storage, files)
            result = self._function.load(content)(*arguments)
            return result, self._store(storage)

    def clear(self) -> None:
        """Delete the files of the last call."""
        for path in self._present:
            (self._folder / path).unlink(missing_ok=True)
        self._present.clear()

    def close(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _open(self) -> Storage:
        if self._storage is None:
            try:
                storage = Storage(self._address)
                owner = storage.owner()
            except StorageFailed as error:
                raise StorageFailed(f"node {platform.node()} of the cluster: {error}") from error
            if owner != self._owner:
                raise StorageFailed(
                    f"{self._address}: node {platform.node()} of the cluster does not see what this machine has put there; expected "
                    "compute.ray.storage to be the same for both: an object store with the same AWS_ENDPOINT_URL, or a folder that is shared"
                )
            self._storage = storage
        return self._storage

    def _fetch(self, storage: Storage, files: Iterable[TaskFile]) -> None:
        """Bring the files of a call into the folder, and delete those of other calls."""
        wanted = {file.path: file.sha256 for file in files}
        for path in [path for path, sha256 in self._present.items() if wanted.get(path) != sha256]:
            path.unlink()
            del self._present[path]
        for path, sha256 in wanted.items():
            if path not in self._present:
                storage.get(sha256, path)
                self._present[path] = sha256

    def _store(self, storage: Storage) -> list[TaskFile]:
        """Bring the new files of the folder into the storage, and return them."""
        new = [path for path in Path().rglob("*") if path.is_file() and path not in self._present]
        files = [TaskFile(path, file_sha256(path)) for path in sorted(new)]
        for file in files:
            storage.put(file.path, sha256=file.sha256)
            file.path.unlink()
        return files


_of_this_process: dict[str, CallWithStorage] = {}
"""That of each storage which tasks of this process have worked with: they are many, and reaching a storage takes its time."""


def emit_with_storage(  # noqa: PLR0917  (called through the cluster)
    place: tuple[str, str, dict[str, str]], content: bytes, files: list[TaskFile], arguments: tuple[Any, ...]
) -> Emitted:
    """Return the result of an emitting function; `place` is what `CallWithStorage` is built from."""
    address = place[0]
    if address not in _of_this_process:
        _of_this_process[address] = CallWithStorage(*place)
    call = _of_this_process[address]
    try:
        return cast(Emitted, call(content, files, arguments)[0])
    finally:
        call.clear()  # no call is the last one of its process


def _make_folder() -> tuple[Path, int]:
    """Return a folder of this process, and its lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        handle = _lock(folder)
        if handle is not None and folder.is_dir():  # else a worker that begins now has taken it for abandoned
            return folder, handle


def _lock(folder: Path) -> int | None:
    """Lock a folder until this process ends, however it does; None: another process has it, or it is gone."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _delete_abandoned() -> None:
    """Delete the folders of workers that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(PermissionError):  # another user's
            handle = _lock(folder)
            if handle is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(handle)
