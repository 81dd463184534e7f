"""Workers of a Ray cluster, each with something that it has built once, and the pool that gives them jobs.

A worker that is lost gives its job back, and another one takes its place.
"""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from mgm.settings.compute import RaySettings

MAX_TRIES = 3
"""The most workers that may be lost over one job, or one after another before any is ready."""
START_SECONDS = 300.0
"""The seconds that the first worker may take to start."""
WAKE_SECONDS = 5.0
_GIGABYTE = 10**9

Item = TypeVar("Item")


class WorkersLost(OSError):
    """Workers cannot start, or are lost again and again. What was done before stays."""


@runtime_checkable
class Closing(Protocol):
    """A function that keeps something on the disk of its node."""

    def close(self) -> None:
        """Delete it."""
        ...


class Worker:
    """A function in a process of the cluster, built once."""

    def __init__(self, build: Callable[..., Callable[..., Any]], *arguments: Any) -> None:
        """Call `build`, which returns the function."""
        self._function = build(*arguments)

    def ready(self) -> None:
        """Return when the function is built."""

    def call(self, *arguments: Any) -> Any:
        """Call the function."""
        return self._function(*arguments)

    def close(self) -> None:
        """Let the function delete what it keeps on the disk of its node."""
        if isinstance(self._function, Closing):
            self._function.close()


@dataclass
class Job(Generic[Item]):
    """A call of the workers' function."""

    item: Item
    """What the caller knows it by."""
    arguments: tuple[Any, ...]
    """Values, or handles of values in the cluster."""
    description: str
    """The words by which errors name it."""
    tries: int = 0


class WorkerPool:
    """The workers of one run. Each is starting, idle, or at work on one job.

    Args:
        ray: the module, connected to the cluster.
        settings: the number and size of the workers.
        build: returns the workers' function, called in each of them.
        arguments: those of `build`; values, or handles of values in the cluster.
        gpus: those of each worker.
    """

    def __init__(
        self,
        ray: Any,
        settings: RaySettings,
        *,
        build: Callable[..., Callable[..., Any]],
        arguments: tuple[Any, ...] = (),
        gpus: float = 0.0,
    ) -> None:
        self._ray, self._settings, self._gpus = ray, settings, gpus
        self._build, self._arguments = build, arguments
        self._actor = ray.remote(
            num_cpus=settings.cpus,
            num_gpus=gpus,
            max_restarts=0,
            max_task_retries=0,
            **reservation(settings),
        )(Worker)
        self._starting: dict[Any, Any] = {}
        self._idle: list[Any] = []
        self._working: dict[Any, tuple[Any, Job[Any]]] = {}
        self._lost_at_start = 0

    def run(
        self, jobs: Iterator[Job[Item]], *, num_jobs: int | None = None
    ) -> Generator[tuple[Item, Any], None, None]:
        """Yield the items of jobs and their results as they are done, taking at most one job a worker ahead.

        Args:
            jobs: the jobs.
            num_jobs: their number, where it is known: no more workers are started.

        Raises:
            Whatever the workers' function raises; WorkersLost: no worker starts, or too many are lost.
        """
        wanted = self._settings.workers if num_jobs is None else min(self._settings.workers, num_jobs)
        for _ in range(wanted - len(self._starting) - len(self._idle)):
            self._start()
        try:
            yield from self._run(jobs)
        finally:
            # after an error or an early end: what they are at is no longer wanted
            for actor, _ in self._working.values():
                self._ray.kill(actor)
            self._working = {}

    def close(self) -> None:
        """Let idle workers delete what they keep on disk."""
        if self._idle:
            closing = [actor.close.remote() for actor in self._idle]
            self._ray.wait(closing, num_returns=len(closing), timeout=WAKE_SECONDS)

    def release(self) -> None:
        """End the workers, whose CPUs other tasks get; the next run starts new ones."""
        self.close()
        for actor in [*self._idle, *self._starting.values()]:
            self._ray.kill(actor)
        self._idle, self._starting = [], {}

    def _run(self, jobs: Iterator[Job[Item]]) -> Iterator[tuple[Item, Any]]:
        pending: deque[Job[Item]] = deque()
        last_event = time.monotonic()
        while True:
            while self._idle and pending:
                self._submit(pending.popleft())
            if not pending and (job := next(jobs, None)) is not None:
                pending.append(job)
                continue
            if not pending and not self._working:
                return
            done, _ = self._ray.wait([*self._starting, *self._working], timeout=WAKE_SECONDS)
            if done:
                last_event = time.monotonic()
            elif not self._working and time.monotonic() - last_event > START_SECONDS:
                raise WorkersLost(describe_shortage(self._ray, self._settings, gpus=self._gpus))
            for handle in done:
                result = self._handle_event(handle, pending)
                if result is not None:
                    yield result

    def _start(self) -> None:
        actor = self._actor.remote(self._build, *self._arguments)
        self._starting[actor.ready.remote()] = actor

    def _submit(self, job: Job[Any]) -> None:
        actor = self._idle.pop()
        self._working[actor.call.remote(*job.arguments)] = actor, job

    def _handle_event(self, handle: Any, pending: deque[Job[Item]]) -> tuple[Item, Any] | None:
        """Handle a worker that is ready, has done a job, or is lost; return item and result of a job that is done."""
        if handle in self._starting:
            self._handle_start(handle)
            return None
        actor, job = self._working.pop(handle)
        try:
            result = self._ray.get(handle)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except self._ray.exceptions.RayError as error:
            job.tries += 1
            if job.tries == MAX_TRIES:
                raise WorkersLost(
                    f"{job.description}: {MAX_TRIES} workers were lost over it; the last: {error}"
                ) from error
            self._ray.kill(actor)
            pending.appendleft(job)
            self._start()
            return None
        self._idle.append(actor)
        return job.item, result

    def _handle_start(self, handle: Any) -> None:
        actor = self._starting.pop(handle)
        try:
            self._ray.get(handle)
        except self._ray.exceptions.RayError as error:
            self._lost_at_start += 1
            if self._lost_at_start == MAX_TRIES:
                raise WorkersLost(
                    f"compute.ray: {MAX_TRIES} workers could not start; the last: {error}"
                ) from error
            self._start()
        else:
            self._lost_at_start = 0
            self._idle.append(actor)


def reservation(settings: RaySettings) -> dict[str, int]:
    """Return the option of an actor or a task that reserves memory."""
    return {} if settings.memory is None else {"memory": int(settings.memory * _GIGABYTE)}


def describe_shortage(ray: Any, settings: RaySettings, *, gpus: float = 0.0) -> str:
    """Return why no worker starts."""
    resources = ray.cluster_resources()
    memory, there = settings.memory, resources.get("memory", 0) / _GIGABYTE
    return (
        f"compute.ray: no worker has started within {START_SECONDS:.0f} s; each asks for {settings.cpus} CPUs and "
        f"{gpus} GPUs, and the cluster has {resources.get('CPU', 0)} and {resources.get('GPU', 0)} in all"
        + ("" if memory is None else f" (memory: {memory} GB, and {there:.1f} GB in all)")
    )
