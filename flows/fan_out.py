"""Prefect tasks that depend on one another, so many at once, each submitted when all that it needs has ended well."""

import graphlib
import queue
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from prefect.futures import PrefectFuture

# Polars replaces the handler of SIGINT by one that does not wake a waiting thread: Ctrl-C is seen at the next wake.
WAKE_SECONDS = 0.5

Found = TypeVar("Found")


def run_tasks(
    graph: Mapping[str, Sequence[str]],
    at_once: int,
    submit: Callable[[str, list[PrefectFuture[Found]]], PrefectFuture[Found]],
    ended: Callable[[int], object] = lambda _: None,
) -> tuple[dict[str, Found], dict[str, BaseException]]:
    """Runs each task of a graph (name to what it needs), at most `at_once` at a time, so that no worker waits for another.

    Args:
        submit: starts a task by name, after the futures of what it needs.
        ended: called in this thread with the number of tasks that have ended, well or not.

    Returns what ended well, in that order, and what failed. What needs a failed task is in neither.
    """
    order = graphlib.TopologicalSorter(graph)
    order.prepare()
    futures: dict[str, PrefectFuture[Found]] = {}
    found: dict[str, Found] = {}
    failures: dict[str, BaseException] = {}
    done: queue.SimpleQueue[str] = queue.SimpleQueue()
    ready: list[str] = list(order.get_ready())
    running = 0
    while ready or running:
        while ready and running < at_once:
            name = ready.pop(0)
            futures[name] = submit(name, [futures[upstream] for upstream in graph[name]])
            futures[name].add_done_callback(lambda _, name=name: done.put(name))  # type: ignore[misc]
            running += 1
        try:
            name = done.get(timeout=WAKE_SECONDS)
        except queue.Empty:
            continue
        running -= 1
        try:
            found[name] = futures[name].result()
        except Exception as error:
            failures[name] = error
        else:
            order.done(name)
            ready += order.get_ready()
        ended(len(found) + len(failures))
    return found, failures
