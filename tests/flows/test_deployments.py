"""prefect.yaml: what it says fits the flows, and a real server, worker and cron run it."""

import inspect
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from flows.backfill import backfill, nightly_score
from flows.train import retrain
from tests.flows.conftest import SOURCE, environment

FLOWS = {
    "flows/train.py:retrain": retrain,
    "flows/backfill.py:nightly_score": nightly_score,
    "flows/backfill.py:backfill": backfill,
}
DEPLOYMENTS = yaml.safe_load((SOURCE / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
CRON = "*/1 * * * *"
STAGES = """
stages:
  first:
    cmd: echo 一 > first
    outs:
      - first
  second:
    cmd: cat first first > second
    deps:
      - first
    outs:
      - second
"""


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_parameters_are_the_flows_own(deployment: dict[str, Any]) -> None:
    flow = FLOWS[deployment["entrypoint"]]
    assert set(deployment["parameters"]) <= set(inspect.signature(flow.fn).parameters)
    assert deployment["name"] == flow.name
    # A date in a deployment would be the day it was deployed, every night.
    assert not set(deployment["parameters"]) & {"first", "last", "date", "day"}


def test_schedules_name_their_time_zone() -> None:
    schedules = {d["name"]: d.get("schedules", []) for d in DEPLOYMENTS}
    assert {name for name, own in schedules.items() if own} == {"retrain", "nightly-score"}
    assert all({"cron", "timezone"} <= set(s) for own in schedules.values() for s in own)


@pytest.mark.slow
def test_cron_fires_through_a_worker(repository: Path) -> None:
    for name in ("flows", "mgm"):
        shutil.copytree(SOURCE / name, repository / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(SOURCE / "prefect.toml", repository)
    (repository / "dvc.yaml").write_text(STAGES, encoding="utf-8")
    declared = yaml.safe_load((SOURCE / "prefect.yaml").read_text(encoding="utf-8"))
    for deployment in declared["deployments"]:
        if deployment["name"] == "retrain":
            deployment["schedules"][0]["cron"] = CRON
            deployment["parameters"]["promote"] = False
    (repository / "prefect.yaml").write_text(yaml.safe_dump(declared), encoding="utf-8")

    port = _free_port()
    api = f"http://127.0.0.1:{port}/api"
    with _background(repository, api, "server", "start", "--port", str(port)):
        _wait(lambda: _answers(f"{api}/health"), 90, "the server answers")
        _prefect(repository, api, "work-pool", "create", "local-pool", "--type", "process")
        _prefect(repository, api, "--no-prompt", "deploy", "--all")
        with _background(repository, api, "worker", "start", "--pool", "local-pool", "--type", "process"):
            _wait(
                lambda: _scheduled_and_completed(api, "retrain"),
                200,
                "a run that cron started has ended well",
            )
    assert (repository / "second").read_text(encoding="utf-8") == "一\n一\n"


def _scheduled_and_completed(api: str, flow: str) -> bool:
    runs = _post(
        f"{api}/flow_runs/filter",
        {
            "flows": {"name": {"any_": [flow]}},
            "flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED"]}}},
        },
    )
    assert not [run for run in runs if run["state_type"] == "FAILED"], runs
    return any(run["auto_scheduled"] for run in runs)


def _post(url: str, content: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        url, json.dumps(content).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def _prefect(root: Path, api: str, *arguments: str) -> None:
    command = [sys.executable, "-m", "prefect", *arguments]
    env = environment() | {"PREFECT_API_URL": api}
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def _background(root: Path, api: str, *arguments: str) -> Iterator[None]:
    """A server or worker: neither ends promptly on SIGTERM, and both leave children when killed alone."""
    with (root / f"{arguments[0]}.log").open("wb") as log:
        process = psutil.Popen(
            [sys.executable, "-m", "prefect", *arguments],
            cwd=root,
            env=environment() | {"PREFECT_API_URL": api},
            stdout=log,
            stderr=log,
        )
    try:
        yield
    except AssertionError as error:
        error.add_note((root / f"{arguments[0]}.log").read_text(encoding="utf-8", errors="replace")[-4000:])
        raise
    finally:
        family = [*process.children(recursive=True), process]
        process.terminate()
        _, left = psutil.wait_procs(family, timeout=10)
        for one in left:
            one.kill()
        psutil.wait_procs(left, timeout=10)


def _wait(until: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
