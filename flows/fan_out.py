"""Prefect tasks that depend on one another, a limited number at once, each submitted when all that it needs has ended well."""

import graphlib
import queue
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from prefect.futures import PrefectFuture

# Polars replaces the handler of SIGINT by one that does not wake a waiting thread: Ctrl-C is seen at the next wake.
WAKE_SECONDS = 0.5

Result = TypeVar("Result")


def run_tasks(
    graph: Mapping[str, Sequence[str]],
    *,
    max_running: int,
    submit: Callable[[str, list[PrefectFuture[Result]]], PrefectFuture[Result]],
    on_end: Callable[[int], object] = lambda _: None,
) -> tuple[dict[str, Result], dict[str, BaseException]]:
    """Run the tasks of a graph so that no worker waits for another.

    Args:
        graph: the name of each task, to the names of the tasks that it needs.
        max_running: the most that run at once.
        submit: starts a task by name, after the futures of the tasks that it needs.
        on_end: called in this thread with the number of tasks that have ended, well or not.

    Returns:
        The results of the tasks that ended well, in that order, and the errors of those that failed. A task that needs a
        failed one is in neither.
    """
    order = graphlib.TopologicalSorter(graph)
    order.prepare()
    futures: dict[str, PrefectFuture[Result]] = {}
    results: dict[str, Result] = {}
    failures: dict[str, BaseException] = {}
    done: queue.SimpleQueue[str] = queue.SimpleQueue()
    ready: list[str] = list(order.get_ready())
    num_running = 0
    while ready or num_running:
        while ready and num_running < max_running:
            name = ready.pop(0)
            futures[name] = submit(name, [futures[upstream] for upstream in graph[name]])
            futures[name].add_done_callback(lambda _, name=name: done.put(name))  # type: ignore[misc]
            num_running += 1
        try:
            name = done.get(timeout=WAKE_SECONDS)
        except queue.Empty:
            continue
        num_running -= 1
        try:
            results[name] = futures[name].result()
        except Exception as error:
            failures[name] = error
        else:
            order.done(name)
            ready += order.get_ready()
        on_end(len(results) + len(failures))
    return results, failures
