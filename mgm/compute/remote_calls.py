"""Calls in the workers of a Ray cluster, which is reached at the first of them."""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from typing import Any, Self

from mgm.compute.cluster import connect
from mgm.compute.remote_tasks import RemoteTasks
from mgm.compute.workers import Job, WorkerPool
from mgm.settings.compute import RaySettings


class RemoteCalls:
    """Calls in workers; the cluster is left at the end of the context.

    Args:
        settings: the cluster.
        build: returns what a worker calls.
        arguments: those of `build`.
    """

    def __init__(
        self, settings: RaySettings, *, build: Callable[..., Callable[..., Any]], arguments: tuple[Any, ...]
    ) -> None:
        self._settings, self._build, self._arguments = settings, build, arguments
        self._context = ExitStack()
        self._connected: tuple[Any, WorkerPool] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._context.close()
        self._connected = None

    def send(self, function: Callable[..., Any]) -> Any:
        """Return a handle of a function in the cluster, which calls get as bytes.

        Raises:
            WorkersLost: there is no cluster. OpenCluster: see `cluster.connect`.
        """
        ray, _ = self._connect()
        return ray.put(ray.cloudpickle.dumps(function))

    def run(
        self, calls: Iterator[tuple[int, tuple[Any, ...]]], *, num_calls: int
    ) -> Generator[tuple[int, Any], None, None]:
        """Yield the numbers of calls and their results as they are done. A call whose worker is lost is made again in another one.

        Args:
            calls: the number and the arguments of each.
            num_calls: how many there are.

        Raises:
            Whatever is raised in a worker; WorkersLost: too many workers are lost.
        """
        _, pool = self._connect()
        jobs = (Job(i, arguments, f"task {i + 1}") for i, arguments in calls)
        with closing(pool.run(jobs, num_jobs=num_calls)) as results:
            yield from results

    def tasks(self) -> RemoteTasks:
        """Return tasks of the cluster, which get the CPUs of the workers that calls have had.

        Raises:
            WorkersLost: there is no cluster, or no worker starts. OpenCluster: see `cluster.connect`.
        """
        ray, pool = self._connect()
        pool.release()
        tasks = RemoteTasks(ray, self._settings)
        tasks.start()
        return tasks

    def _connect(self) -> tuple[Any, WorkerPool]:
        if self._connected is None:
            ray = self._context.enter_context(connect(self._settings))
            pool = WorkerPool(ray, self._settings, build=self._build, arguments=self._arguments)
            self._context.callback(pool.close)
            self._connected = ray, pool
        return self._connected
