"""The retrain flow, `python -m flows.train`: the stages of dvc.yaml as Prefect tasks, independent ones at once."""

import argparse
import graphlib
import queue
import sys
from typing import Any

import flows.environment  # noqa: F401  (before Prefect, which reads the environment when it is imported)

# isort: split
from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture

from flows import lock, processes, promotion, server
from flows.graph import StageFailed, StageRun, run_stage, stage_graph, use_own_python
from flows.results import result_lines

# Polars replaces the handler of SIGINT by one that does not wake a waiting thread: Ctrl-C is seen at the next wake.
WAKE_SECONDS = 0.5


# DVC alone decides what is up to date; a stage that failed would only fail again.
@task(name="stage", task_run_name="{name}", retries=0, cache_policy=NO_CACHE, persist_result=False)
def stage(name: str) -> StageRun:
    """One stage of dvc.yaml, its output in this task's log."""
    return run_stage(name, log=get_run_logger().info)


@flow(name="retrain", persist_result=False)
def retrain(workers: int = 2, promote: bool = False) -> None:
    """Brings every stage of dvc.yaml up to date, at most `workers` at once; `promote`: then promotes the candidate.

    Raises:
        BlockingIOError: another run is at work in this folder.
        StageFailed: a stage failed; what does not depend on it has run, what does has not.
        promotion.Refused: `promote`, and the candidate is not to be the champion.
    """
    if workers < 1:
        raise ValueError(f"workers: expected at least 1, found {workers}")
    logger = get_run_logger()
    with lock.workspace():
        use_own_python()
        graph = stage_graph()
        try:
            runs, failures = _run_graph(graph, workers)
        except BaseException:  # an interrupt, a cancelled run, SIGTERM: the stages must not outlive it
            processes.terminate_all()
            raise
        for run in runs.values():
            logger.info("%-32s %s", run.name, f"{run.seconds:6.1f} s" if run.ran else "up to date")
        if failures:
            left = [name for name in graph if name not in runs and name not in failures]
            not_run = f"\nnot run, because they need what failed: {', '.join(left)}" if left else ""
            raise StageFailed("\n".join(str(error) for error in failures.values()) + not_run)
        if promote:
            logger.info(promotion.promote())


def _run_graph(
    graph: dict[str, list[str]], workers: int
) -> tuple[dict[str, StageRun], dict[str, BaseException]]:
    """Submits each stage once all that it needs has ended well, so that no worker waits for another."""
    order = graphlib.TopologicalSorter(graph)
    order.prepare()
    futures: dict[str, PrefectFuture[StageRun]] = {}
    runs: dict[str, StageRun] = {}
    failures: dict[str, BaseException] = {}
    ended: queue.SimpleQueue[str] = queue.SimpleQueue()
    ready: list[str] = list(order.get_ready())
    running = 0
    while ready or running:
        while ready and running < workers:
            name = ready.pop(0)
            futures[name] = stage.submit(
                name, wait_for=[futures[upstream] for upstream in graph[name]], return_state=False
            )
            futures[name].add_done_callback(lambda _, name=name: ended.put(name))  # type: ignore[misc]
            running += 1
        try:
            name = ended.get(timeout=WAKE_SECONDS)
        except queue.Empty:
            continue
        running -= 1
        result: Any = futures[name].result(raise_on_failure=False)
        if isinstance(result, StageRun):
            runs[name] = result
            order.done(name)
            ready += order.get_ready()
        else:
            failures[name] = (
                result if isinstance(result, BaseException) else RuntimeError(f"stage {name}: {result!r}")
            )
    return runs, failures


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m flows.train", description=__doc__)
    parser.add_argument("--workers", type=int, default=2, help="stages that run at once (default 2)")
    parser.add_argument(
        "--promote", action="store_true", help="promote the candidate at the end; refused is exit 1"
    )
    options = parser.parse_args(arguments)
    server.start_temporary()
    state: Any = retrain(options.workers, options.promote, return_state=True)
    if not state.is_completed():
        error = state.result(raise_on_failure=False)
        print(f"error: {error}", file=sys.stderr)
        return 1
    for line in result_lines():
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
