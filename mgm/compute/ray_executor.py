"""Tasks of a stage in the workers of a Ray cluster, which read and write the project's folder, or storage where they do not see it."""

import os
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from mgm.compute.cluster import check_installed
from mgm.compute.executor import Emitted, Executor, FolderNotShared, Reads
from mgm.compute.processes import THIS_PROCESS, LocalExecutor
from mgm.compute.ray_shuffle import RayShuffle
from mgm.compute.remote_calls import RemoteCalls
from mgm.compute.sent_function import SentFunction
from mgm.compute.storage_executor import StorageExecutor
from mgm.settings.compute import ComputeSettings, RaySettings

T = TypeVar("T")


def open_executor(
    settings: ComputeSettings, *, listed: Callable[[], set[str]] = set
) -> AbstractContextManager[Executor]:
    """Return the executor that the settings ask for.

    Args:
        settings: the section.
        listed: returns the hashes of the files that later stages may read, which are left in storage.

    Raises:
        MissingExtra: it is Ray, which is not installed.
    """
    if settings.ray.address is None:
        return nullcontext(LocalExecutor(settings.processes))
    check_installed()
    if settings.ray.storage is None:
        return RayExecutor(settings.ray, Path.cwd())
    return StorageExecutor(settings.ray, Path.cwd(), listed=listed)


class RayExecutor:
    """Calls in the workers of a cluster, which see this folder.

    Args:
        settings: the cluster.
        folder: the present folder of every call; all nodes share it, at this path.
    """

    def __init__(self, settings: RaySettings, folder: Path) -> None:
        self._folder = folder
        self._calls = RemoteCalls(settings, build=_CallInFolder, arguments=(str(folder),))

    def __enter__(self) -> Self:
        self._calls.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._calls.__exit__(*error)

    def map(
        self,
        function: Callable[..., T],
        arguments: Iterable[tuple[Any, ...]],
        *,
        reads: Reads | None = None,
    ) -> Generator[T, None, None]:
        """Yield the results in order; see `Executor.map`. A call whose worker is lost is made again in another one.

        Raises:
            Whatever `function` raises; WorkersLost: there is no cluster, or too many workers are lost.
            OpenCluster: see `cluster.connect`. FolderNotShared: a node has no such folder.
        """
        calls = list(arguments)
        if not calls:
            return
        sent = self._calls.send(function)
        numbered = ((i, (sent, *call)) for i, call in enumerate(calls))
        early: dict[int, T] = {}
        expected = 0
        with closing(self._calls.run(numbered, num_calls=len(calls))) as results:
            for i, result in results:
                early[i] = result
                while expected in early:
                    yield early.pop(expected)
                    expected += 1

    def shuffle(self, folder: Path | None = None) -> RayShuffle:
        """Return a shuffle through the cluster; see `Executor.shuffle`."""
        return RayShuffle(
            self._calls,
            emitter=partial(_emit_in_folder, str(self._folder)),
            prepare=lambda calls, _: iter(calls),
            local=THIS_PROCESS.shuffle(folder),
        )


def _emit_in_folder(folder: str, content: bytes, *arguments: Any) -> Emitted:
    """Return the result of an emitting function."""
    return cast(Emitted, _CallInFolder(folder)(content, *arguments))


class _CallInFolder:
    """What a worker does: it calls functions in a folder."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._function = SentFunction()

    def __call__(self, content: bytes, *arguments: Any) -> Any:
        try:
            os.chdir(self._folder)
        except OSError as error:
            raise FolderNotShared.at(Path(self._folder)) from error
        return self._function.load(content)(*arguments)
