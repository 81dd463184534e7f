"""Storage that this machine and the nodes of a cluster reach, in which files are named for the hash of their bytes.

It is a folder, or a prefix of an object store, which is configured by the usual variables.
"""

import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow import fs

from mgm.files import file_sha256, replacing
from mgm.object_store import S3, at_endpoint, explain_failure, open_bucket

_OURS = re.compile(r"[0-9a-f]{64}(\.[0-9a-f]{8}\.tmp)?")
"""The names of files, and of those that are being written to a folder."""
_OWNER = "project.txt"
_LOCAL = fs.LocalFileSystem()


class StorageFailed(OSError):
    """Storage cannot be reached or used; the message names its address."""


class Storage:
    """Files by their hashes in one folder of some storage.

    Args:
        address: s3://bucket/prefix, or an absolute path.

    Raises:
        StorageFailed: the store does not answer.
        ValueError: the address or the environment is wrong.
    """

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self._is_s3 = address.startswith(S3)
        self._root = self.address.removeprefix(S3)
        self._bucket = self._root.partition("/")[0]
        if self._is_s3 and not self._bucket:
            raise ValueError(f"{address}: no bucket; expected s3://bucket/prefix")
        with self._failures():
            self._system = open_bucket(self._bucket) if self._is_s3 else _LOCAL

    def claim(self, owner: str) -> None:
        """Check that files can be written here, by one that says whose they are.

        Raises:
            StorageFailed: they cannot.
        """
        with self._failures():
            if self._is_s3 and self._system.get_file_info(self._bucket).type == fs.FileType.NotFound:
                raise StorageFailed(
                    f"{self.address}: no such bucket: {self._bucket!r}{at_endpoint()}; expected one that this machine and all nodes may "
                    "list, read and write"
                )
            if not self._is_s3 and not Path(self._root).parent.is_dir():
                raise StorageFailed(
                    f"{Path(self._root).parent}: no such folder; expected one that all nodes share, at this path"
                )
            if not self._is_s3:
                self._system.create_dir(self._root)
            with self._system.open_output_stream(self._place(_OWNER)) as file:
                file.write(owner.encode())

    def owner(self) -> str | None:
        """Return what the last `claim` has written; None where there is nothing, or another storage.

        Raises:
            StorageFailed: it cannot be read.
        """
        with self._failures():
            if self._system.get_file_info(self._place(_OWNER)).type != fs.FileType.File:
                return None
            with self._system.open_input_stream(self._place(_OWNER)) as file:
                return bytes(file.read()).decode()

    def files(self) -> dict[str, fs.FileInfo]:
        """Return the files by name, also those that have not been written to their end.

        Raises:
            StorageFailed: they cannot be listed.
        """
        with self._failures():
            infos = self._system.get_file_info(fs.FileSelector(self._root, allow_not_found=True))
        return {info.base_name: info for info in infos if _OURS.fullmatch(info.base_name)}

    def put(self, path: Path, *, sha256: str) -> None:
        """Store a file; readers see all of it or nothing.

        Raises:
            StorageFailed: it cannot be written.
        """
        with self._failures():
            if self._is_s3:  # an object appears when it is whole
                self._upload(path, self._place(sha256))
                return
            temporary = self._place(f"{sha256}.{secrets.token_hex(4)}.tmp")
            self._upload(path, temporary)
            self._system.move(temporary, self._place(sha256))

    def get(self, sha256: str, path: Path) -> None:
        """Write a file of the storage to a path.

        Raises:
            StorageFailed: it cannot be read, or its bytes are others.
        """
        with replacing(path) as temporary:
            with self._failures():
                fs.copy_files(
                    self._place(sha256),
                    str(temporary),
                    source_filesystem=self._system,
                    destination_filesystem=_LOCAL,
                )
            if (found := file_sha256(temporary)) != sha256:
                raise StorageFailed(
                    f"{self.address}/{sha256}: altered since it was written: SHA-256 {found[:12]}; delete it, and it is sent again"
                )

    def delete(self, names: Iterable[str]) -> None:
        """Delete files.

        Raises:
            StorageFailed: one cannot be deleted.
        """
        with self._failures():
            for name in names:
                self._system.delete_file(self._place(name))

    def _place(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _upload(self, path: Path, target: str) -> None:
        fs.copy_files(str(path), target, source_filesystem=_LOCAL, destination_filesystem=self._system)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Let errors name the address and what is expected."""
        try:
            yield
        except StorageFailed:
            raise
        except (OSError, pa.ArrowInvalid) as error:
            text = " ".join(str(error).split())
            raise StorageFailed(explain_failure(self.address, text)) from error
