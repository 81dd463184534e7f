"""The retrain flow, `mgm train`: the stages of dvc.yaml as Prefect tasks, independent ones at once."""

import sys

if __name__ == "__main__":  # before all else: the command imports this module by its name
    from flows.cli import main

    sys.exit(main(["train", *sys.argv[1:]]))

# isort: split
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture

from flows import artifacts, lock, processes, promotion, server
from flows.fan_out import run_tasks
from flows.graph import StageFailed, StageRun, run_stage, stage_graph, use_own_python
from flows.project import PAGE
from flows.results import gate_rows, result_rows
from flows.store_encryption import set_remotes
from mgm.settings.settings import PARAMS, Settings


# DVC alone decides what is up to date; a stage that failed would only fail again.
@task(name="stage", task_run_name="{name}", retries=0, cache_policy=NO_CACHE, persist_result=False)
def stage(name: str) -> StageRun:
    """Bring one stage of dvc.yaml up to date, its output in this task's log."""
    return run_stage(name, log=get_run_logger().info)


def _submit(name: str, after: list[PrefectFuture[StageRun]]) -> PrefectFuture[StageRun]:
    return stage.submit(name, wait_for=after, return_state=False)


@flow(name="retrain", persist_result=False)
def retrain(workers: int = 2, promote: bool = False) -> None:
    """Bring every stage of dvc.yaml up to date, and promote the candidate if so required.

    Args:
        workers: the most stages that run at once.
        promote: whether the candidate is then promoted.

    Raises:
        ValueError: params.yaml is wrong.
        BlockingIOError: another run is at work in this folder.
        StageFailed: a stage failed; the stages that do not depend on it have run, those that do have not.
        promotion.Refused: `promote`, and the candidate is not to be the champion.
    """
    if workers < 1:
        raise ValueError(f"workers: expected at least 1, found {workers}")
    logger = get_run_logger()
    if PARAMS.is_file():
        Settings.load()  # each stage checks the sections that it reads: a wrong one of a late stage is to be known now
    with lock.workspace():
        use_own_python()
        set_remotes()
        graph = stage_graph()
        progress = artifacts.Progress(artifacts.RETRAIN_PROGRESS, "Stages that have ended", total=len(graph))
        try:
            runs, failures = run_tasks(graph, max_running=workers, submit=_submit, on_end=progress.update)
        except BaseException:  # an interrupt, a cancelled run, SIGTERM: the stages must not outlive it
            processes.terminate_all()
            raise
        if verdicts := gate_rows():
            artifacts.publish_table(artifacts.GATES, verdicts, description="The verdicts of the gates")
        for run in runs.values():
            logger.info("%-32s %s", run.name, f"{run.seconds:6.1f} s" if run.was_run else "up to date")
        if failures:
            left = [name for name in graph if name not in runs and name not in failures]
            not_run = f"\nnot run, because they need what failed: {', '.join(left)}" if left else ""
            raise StageFailed("\n".join(str(error) for error in failures.values()) + not_run)
        _publish_results()
        if promote:
            logger.info(promotion.promote())


def _publish_results() -> None:
    """Publish the metrics and the report of the run as artifacts."""
    if rows := result_rows():
        artifacts.publish_table(artifacts.METRICS, rows, description="The test split")
    if PAGE.is_file():
        artifacts.publish_link(artifacts.REPORT, PAGE, description="The report")


def run_retrain(workers: int = 2, promote: bool = False) -> None:
    """Run the flow with a temporary server where no other is set, and raise what it failed with."""
    server.start_temporary()
    state: Any = retrain(workers, promote, return_state=True)
    if not state.is_completed():
        raise state.result(raise_on_failure=False)
