"""Tasks that depend on one another, so many at once."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from flows.fan_out import run_tasks

GRAPH = {"d": ["b", "c"], "a": [], "b": ["a"], "c": ["a"], "e": []}


class Submitted:
    """As a future of Prefect's."""

    def __init__(self, future: Future[str]) -> None:
        self._future = future

    def add_done_callback(self, call: Any) -> None:
        self._future.add_done_callback(call)

    def done(self) -> bool:
        return self._future.done()

    def result(self) -> str:
        return self._future.result()


def run(at_once: int, broken: str = "") -> tuple[Any, Any, list[int], int]:
    running, most, counts = set(), [0], []
    with ThreadPoolExecutor(9) as pool:

        def work(name: str) -> str:
            time.sleep(0.02)
            running.discard(name)
            if name == broken:
                raise ValueError(f"{name} is broken")
            return name.upper()

        def submit(name: str, after: list[Any]) -> Any:
            assert all(one.done() for one in after)
            assert len(after) == len(GRAPH[name])
            running.add(name)
            most[0] = max(most[0], len(running))
            return Submitted(pool.submit(work, name))

        found, failures = run_tasks(GRAPH, max_running=at_once, submit=submit, on_end=counts.append)
    return found, failures, counts, most[0]


@pytest.mark.parametrize("at_once", [1, 2, 9], ids=["one", "two", "all"])
def test_all_run_after_what_they_need_and_never_too_many(at_once: int) -> None:
    found, failures, counts, most = run(at_once)
    assert found == {name: name.upper() for name in GRAPH} and failures == {}
    assert counts == [1, 2, 3, 4, 5]
    assert most <= at_once


def test_what_needs_a_failed_task_does_not_run() -> None:
    found, failures, counts, _ = run(2, broken="b")
    assert set(found) == {"a", "c", "e"}
    assert [(name, str(error)) for name, error in failures.items()] == [("b", "b is broken")]
    assert counts == [1, 2, 3, 4]
