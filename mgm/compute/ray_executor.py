"""Tasks of a stage in the workers of a Ray cluster, which read and write the project's folder."""

import os
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from pathlib import Path
from typing import Any, Self, TypeVar

from mgm.compute.cluster import check_installed, connect
from mgm.compute.executor import Executor, FolderNotShared
from mgm.compute.processes import LocalExecutor
from mgm.compute.workers import Job, WorkerPool
from mgm.settings.compute import ComputeSettings, RaySettings

T = TypeVar("T")


def open_executor(settings: ComputeSettings) -> AbstractContextManager[Executor]:
    """Return the executor that the settings ask for.

    Raises:
        MissingExtra: it is Ray, which is not installed.
    """
    if settings.ray.address is None:
        return nullcontext(LocalExecutor(settings.processes))
    check_installed()
    return RayExecutor(settings.ray, Path.cwd())


class RayExecutor:
    """Calls in the workers of a cluster, which is reached at the first of them and left at the end of the context.

    Args:
        settings: the cluster.
        folder: the present folder of every call; all nodes share it, at this path.
    """

    def __init__(self, settings: RaySettings, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self._context = ExitStack()
        self._connected: tuple[Any, WorkerPool] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._context.close()
        self._connected = None

    def map(
        self, function: Callable[..., T], arguments: Iterable[tuple[Any, ...]]
    ) -> Generator[T, None, None]:
        """Yield the results in order; see `Executor.map`. A call whose worker is lost is made again in another one.

        Raises:
            Whatever `function` raises; WorkersLost: there is no cluster, or too many workers are lost.
            OpenCluster: see `cluster.connect`. FolderNotShared: a node has no such folder.
        """
        calls = list(arguments)
        if not calls:
            return
        ray, pool = self._connect()
        # once, since it may hold large tables
        sent = ray.put(function)
        jobs = (Job(i, (sent, *call), f"task {i + 1} of {len(calls)}") for i, call in enumerate(calls))
        early: dict[int, T] = {}
        expected = 0
        with closing(pool.run(jobs, num_jobs=len(calls))) as results:
            for i, result in results:
                early[i] = result
                while expected in early:
                    yield early.pop(expected)
                    expected += 1

    def _connect(self) -> tuple[Any, WorkerPool]:
        if self._connected is None:
            ray = self._context.enter_context(connect(self._settings))
            pool = WorkerPool(ray, self._settings, build=_CallInFolder, arguments=(str(self._folder),))
            self._connected = ray, pool
        return self._connected


class _CallInFolder:
    """What a worker does: it calls functions in a folder."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            os.chdir(self._folder)
        except OSError as error:
            raise FolderNotShared.at(Path(self._folder)) from error
        return function(*arguments)
