"""Tasks of a stage in the workers of a Ray cluster that do not see the project's folder: files travel through storage.

A file is named there for the hash of its bytes, so that none is sent twice: the part that a worker has written for a stage is the one that
the next stage reads. Everything that a stage makes is brought to this folder, as if it had been made here.
"""

import hashlib
import logging
import os
import platform
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from mgm.compute.executor import Reads, TaskFile
from mgm.compute.processes import THIS_PROCESS
from mgm.compute.ray_shuffle import RayShuffle
from mgm.compute.remote_calls import RemoteCalls
from mgm.compute.storage import Storage, StorageFailed
from mgm.compute.storage_worker import ENVIRONMENT, CallWithStorage, emit_with_storage
from mgm.errors import AlteredInput
from mgm.files import file_sha256
from mgm.object_store import S3
from mgm.settings.compute import RaySettings

T = TypeVar("T")

MAX_FILES = 64
"""The most files of a call that is made elsewhere: each costs several requests, and parsing small files here is faster."""
TRUSTED = timedelta(days=5)
"""The age up to which a file in storage counts as there: a rule of the store may delete those that are older than a week."""
ABANDONED = timedelta(days=1)
"""The age from which a file that nothing lists is one that a killed run has left."""
_THREADS = 8
_log = logging.getLogger(__name__)


class StorageExecutor:
    """Calls in the workers of a cluster, which get files from storage and leave there what they write.

    Calls that read files outside of the folder, or more than `MAX_FILES`, and a call that is the only one, are made in this process.

    Args:
        settings: the cluster, with its storage.
        folder: the present folder of every call, which this machine alone sees.
        listed: returns the hashes of the files that later stages may read; others are deleted from storage at the end.
    """

    def __init__(self, settings: RaySettings, folder: Path, *, listed: Callable[[], set[str]] = set) -> None:
        assert settings.storage is not None, "without storage nodes share the folder"
        self._settings, self._folder, self._listed = settings, folder, listed
        self._owner = f"{platform.node()}:{folder}\n"
        name = f"{folder.name}-{hashlib.sha256(self._owner.encode()).hexdigest()[:8]}"
        place = settings.storage if settings.storage.startswith(S3) else str(folder / settings.storage)
        self._address = f"{place.rstrip('/')}/{name}"
        self._context = ExitStack()
        self._sizes: dict[str, int] = {}
        """The files that are in storage."""
        self._touched: set[str] = set()
        self._sent: list[int] = []
        self._brought: list[int] = []
        """The sizes of the files that were moved."""

    def __enter__(self) -> Self:
        """Reach the storage, before anything is done.

        Raises:
            StorageFailed: it does not answer, or files cannot be listed, read or written.
        """
        self._storage = Storage(self._address)
        self._storage.claim(self._owner)
        oldest = datetime.now(UTC) - TRUSTED
        self._sizes = {
            name: info.size
            for name, info in self._storage.files().items()
            if len(name) == 64 and info.mtime > oldest
        }
        environment = {name: os.environ[name] for name in ENVIRONMENT if os.environ.get(name)}
        self._worker_arguments = self._address, self._owner, environment
        self._calls = self._context.enter_context(
            RemoteCalls(self._settings, build=CallWithStorage, arguments=self._worker_arguments)
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self._context.close()
        if self._sent or self._brought:
            _log.info(
                f"{self._address}: {len(self._sent):,} files sent ({sum(self._sent) / 1e6:,.1f} MB), "
                f"{len(self._brought):,} brought back ({sum(self._brought) / 1e6:,.1f} MB)"
            )
        if kind is None:
            self._clean()

    def map(
        self,
        function: Callable[..., T],
        arguments: Iterable[tuple[Any, ...]],
        *,
        reads: Reads | None = None,
    ) -> Generator[T, None, None]:
        """Yield the results in order; see `Executor.map`. Files that a call has written are here before its result.

        Raises:
            Whatever `function` raises; WorkersLost: there is no cluster, or too many workers are lost. OpenCluster: see
            `cluster.connect`. StorageFailed: this machine or a node does not reach the storage. AlteredInput: a file of `reads` is
            gone, or not the one that was written.
        """
        calls = list(arguments)
        files = {
            i: found for i, call in enumerate(calls) if (found := _files_to_send(call, reads)) is not None
        }
        if len(files) < 2:
            yield from THIS_PROCESS.map(function, calls)
            return
        sent = self._calls.send(function)
        arrived: dict[int, Future[Any]] = {}
        with ExitStack() as stack:
            threads = ThreadPoolExecutor(_THREADS)
            stack.callback(threads.shutdown, cancel_futures=True)
            jobs = self._jobs(sent, calls, files=files, threads=threads)
            results = stack.enter_context(closing(self._calls.run(jobs, num_calls=len(files))))
            for i, call in enumerate(calls):
                if i not in files:
                    yield function(*call)
                    continue
                while i not in arrived or not arrived[i].done():
                    result = next(results, None)
                    if result is None:
                        break
                    arrived[result[0]] = threads.submit(self._bring, *result[1])
                yield arrived.pop(i).result()

    def shuffle(self, folder: Path | None = None) -> RayShuffle:
        """Return a shuffle through the cluster, not through storage, from which workers get the files of calls alone; see `Executor.shuffle`."""
        return RayShuffle(
            self._calls,
            emitter=partial(emit_with_storage, self._worker_arguments),
            prepare=self._prepare,
            local=THIS_PROCESS.shuffle(folder),
        )

    def _prepare(
        self, calls: Sequence[tuple[Any, ...]], reads: Reads | None
    ) -> Iterator[tuple[Any, ...] | None]:
        """Yield the files and arguments of each call when its files are in storage; None: it is made in this process."""
        files = {
            i: of_call for i, call in enumerate(calls) if (of_call := _files_to_send(call, reads)) is not None
        }
        threads = ThreadPoolExecutor(_THREADS)
        try:
            jobs = self._jobs(None, calls, files=files, threads=threads)
            for i in range(len(calls)):
                yield next(jobs)[1][1:] if i in files else None
        finally:
            threads.shutdown(cancel_futures=True)

    def _jobs(
        self,
        sent: Any,
        calls: Sequence[tuple[Any, ...]],
        *,
        files: dict[int, Sequence[TaskFile]],
        threads: ThreadPoolExecutor,
    ) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Yield the calls that are made elsewhere when their files are in storage, and send those of the next calls meanwhile."""
        sending: dict[TaskFile, Future[TaskFile]] = {}
        ahead: deque[int] = deque()
        for i, of_call in files.items():
            for file in of_call:
                if file not in sending:
                    sending[file] = threads.submit(self._send, file)
            ahead.append(i)
            if len(ahead) > self._settings.workers:
                first = ahead.popleft()
                yield first, (sent, [sending[file].result() for file in files[first]], calls[first])
        for i in ahead:
            yield i, (sent, [sending[file].result() for file in files[i]], calls[i])

    def _send(self, file: TaskFile) -> TaskFile:
        """Bring a file into storage if it is not there, and return it with its hash."""
        path = self._folder / file.path
        if not path.is_file():
            raise AlteredInput(file.path, f"gone; expected a file with SHA-256 {file.sha256[:12]}")
        size = path.stat().st_size
        if not file.sha256 or self._sizes.get(file.sha256) != size:
            sha256 = file_sha256(path)
            if file.sha256 and sha256 != file.sha256:
                problem = f"altered since it was written: SHA-256 {sha256[:12]}; expected {file.sha256[:12]}"
                raise AlteredInput(file.path, problem)
            file = TaskFile(file.path, sha256)
            if self._sizes.get(sha256) != size:
                self._storage.put(path, sha256=sha256)
                self._sizes[sha256] = size
                self._sent.append(size)
        self._touched.add(file.sha256)
        return file

    def _bring(self, result: T, files: Sequence[TaskFile]) -> T:
        """Bring the files that a call has written to this folder, and return its result."""
        for file in files:
            path = self._folder / file.path
            self._storage.get(file.sha256, path)
            self._sizes[file.sha256] = path.stat().st_size
            self._touched.add(file.sha256)
            self._brought.append(self._sizes[file.sha256])
        return result

    def _clean(self) -> None:
        """Delete what no later stage reads: files of this stage, and those that killed runs have left."""
        listed, oldest = self._listed(), datetime.now(UTC) - ABANDONED
        try:
            stale = [
                name
                for name, info in self._storage.files().items()
                if name not in listed and (name in self._touched or info.mtime < oldest)
            ]
            self._storage.delete(stale)
        except StorageFailed as error:
            _log.warning(f"files that no stage reads stay in storage: {error}")


def _files_to_send(call: tuple[Any, ...], reads: Reads | None) -> Sequence[TaskFile] | None:
    """Return the files of a call that is made elsewhere; None: it is made in this process."""
    files = [] if reads is None else reads(*call)
    if files is None or len(files) > MAX_FILES:
        return None
    is_outside = any(file.path.is_absolute() or ".." in file.path.parts for file in files)
    return None if is_outside else files
