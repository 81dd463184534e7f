"""Tasks of a Ray cluster, without a state: one whose worker or node is lost is run again by Ray itself."""

from collections.abc import Callable
from typing import Any

from mgm.compute.workers import MAX_TRIES, START_SECONDS, WorkersLost, describe_shortage, reservation
from mgm.settings.compute import RaySettings


class RemoteTasks:
    """Tasks of which as many run at a time as there are workers.

    Args:
        ray: the module, connected to the cluster.
        settings: the number and size of the workers.
    """

    def __init__(self, ray: Any, settings: RaySettings) -> None:
        self._ray, self.max_in_flight = ray, settings.workers
        self._settings = settings
        self._options = {"max_retries": MAX_TRIES - 1, "num_cpus": settings.cpus, **reservation(settings)}
        self._remote: dict[Callable[..., Any], Any] = {}
        self._in_flight: list[Any] = []

    def start(self) -> None:
        """Wait for a worker.

        Raises:
            WorkersLost: none starts.
        """
        (handle,) = self.submit(_begin)
        try:
            self.get(handle, timeout=START_SECONDS)
        except self._ray.exceptions.GetTimeoutError as error:
            raise WorkersLost(describe_shortage(self._ray, self._settings)) from error

    def put(self, value: Any) -> Any:
        """Return the handle of a value, which is in the cluster."""
        return self._ray.put(value)

    def put_function(self, function: Any) -> Any:
        """Return the handle of a function, which tasks get pickled."""
        return self._ray.put(self._ray.cloudpickle.dumps(function))

    def submit(self, function: Callable[..., Any], *arguments: Any, num_returns: int = 1) -> list[Any]:
        """Return the handles of what a task returns, as soon as less than `max_in_flight` others have not ended.

        Args:
            function: a function of mgm.
            arguments: values, or handles of values in the cluster.
            num_returns: the number of values that it returns.
        """
        while len(self._in_flight) >= self.max_in_flight:
            _, self._in_flight = self._ray.wait(self._in_flight, fetch_local=False)
        if function not in self._remote:  # each is sent to the cluster once
            self._remote[function] = self._ray.remote(**self._options)(function)
        handles = self._remote[function].options(num_returns=num_returns).remote(*arguments)
        handles = [handles] if num_returns == 1 else list(handles)
        self._in_flight.append(handles[0])
        return handles

    def get(self, handle: Any, *, timeout: float | None = None) -> Any:
        """Return a value of the cluster, when it is there.

        Raises:
            Whatever the task raises; WorkersLost: its workers were lost, or what it needs cannot be made again.
        """
        try:
            return self._ray.get(handle, timeout=timeout)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except self._ray.exceptions.GetTimeoutError:
            raise
        except self._ray.exceptions.RayError as error:
            raise WorkersLost(
                f"compute.ray: {MAX_TRIES} workers were lost over one task; the last: {error}"
            ) from error


def _begin() -> None:
    """Return when a worker runs."""
