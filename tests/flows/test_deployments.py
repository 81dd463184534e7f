"""prefect.yaml: what it says fits the flows, and a real server, worker and cron run it."""

import asyncio
import base64
import copy
import inspect
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml
from deltalake import DeltaTable
from prefect.client.base import PrefectHttpxSyncClient
from prefect.exceptions import PrefectHTTPStatusError
from prefect.utilities.importtools import import_object
from prefect.utilities.templating import apply_values

from flows import artifacts
from flows.backfill import backfill
from flows.nightly import nightly_score
from flows.tables import maintain_tables
from flows.train import retrain
from mgm.scoring.commits import read_nights
from tests import browser, postgres, tiny_corpora
from tests.flows.conftest import SOURCE, environment

FLOWS = {
    "flows/train.py:retrain": retrain,
    "flows/nightly.py:nightly_score": nightly_score,
    "flows/backfill.py:backfill": backfill,
    "flows/tables.py:maintain_tables": maintain_tables,
}
DECLARED = yaml.safe_load((SOURCE / "prefect.yaml").read_text(encoding="utf-8"))
DEPLOYMENTS = DECLARED["deployments"]
PASSWORD = "mgm:a-secret"
SERVER = {"PREFECT_SERVER_API_AUTH_STRING": PASSWORD}
CLIENT = {"PREFECT_API_AUTH_STRING": PASSWORD}
SOON_SECONDS = 20
"""The seconds after which cron fires first: about what it takes to deploy and to start a worker."""
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
    assert {name for name, own in schedules.items() if own} == {"retrain", "nightly-score", "maintain-tables"}
    assert all({"cron", "timezone"} <= set(s) for own in schedules.values() for s in own)


def test_artifacts_have_keys_that_prefect_takes() -> None:
    assert len(set(artifacts.KEYS)) == len(artifacts.KEYS)
    assert all(re.fullmatch("[a-z0-9-]+", key) for key in artifacts.KEYS)


def test_no_artifact_is_markdown_of_data() -> None:
    """Data stand in tables alone: Prefect's pages would render a label in Markdown as markup."""
    texts = [path.read_text(encoding="utf-8") for path in (SOURCE / "flows").rglob("*.py")]
    assert any("create_table_artifact" in text for text in texts)
    assert not any("create_markdown_artifact" in text for text in texts)


def test_outside_of_a_flow_run_no_artifact_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "create_table_artifact", None)
    artifacts.publish_table(artifacts.NIGHT, [{"a": 1}], description="none")
    artifacts.Progress(artifacts.BACKFILL_PROGRESS, "none", total=3).update(1)


def _enter_project(deployed_from: Path) -> Path:
    """Takes the steps of prefect.yaml as Prefect does before a run, without a server; returns the folder."""
    outputs: dict[str, Any] = {"deployed-from": {"stdout": str(deployed_from)}}
    result: Any = None
    for step in DECLARED["pull"]:
        ((name, given),) = step.items()
        inputs = apply_values(given, outputs)
        identity, function = inputs.pop("id", None), import_object(name)
        result = function(**inputs)
        outputs[identity] = result = asyncio.run(result) if inspect.iscoroutine(result) else result
    return Path(result["directory"])


@pytest.mark.parametrize("variable", ["set", "empty", "unset"])
def test_a_run_works_in_the_project_that_the_worker_names(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = tmp_path / "an own clone", tmp_path / "deployed from"
    for folder in (ours, theirs):
        folder.mkdir()
        (folder / "dvc.yaml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MGM_PROJECT", str(ours) if variable == "set" else "")
    if variable == "unset":
        monkeypatch.delenv("MGM_PROJECT")
    assert _enter_project(theirs) == Path.cwd() == (ours if variable == "set" else theirs)


@pytest.mark.parametrize("variable", ["wrong", "unset"])
def test_a_run_without_a_project_says_what_to_set(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, empty = tmp_path / "gone", tmp_path / "empty"
    empty.mkdir()
    monkeypatch.delenv("MGM_PROJECT", raising=False)
    if variable == "wrong":
        monkeypatch.setenv("MGM_PROJECT", str(empty))
    place = str(empty) if variable == "wrong" else f"not set, so {gone}"
    expected = re.escape(f"MGM_PROJECT: {place}: expected the full path of a project's folder")
    with pytest.raises(RuntimeError, match=rf": {expected} on the worker's machine, with a dvc\.yaml\n$"):
        _enter_project(gone)


@pytest.fixture
def project(repository: Path) -> Path:
    """A project whose stages are two lines of shell."""
    for name in ("flows", "mgm"):
        shutil.copytree(SOURCE / name, repository / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(SOURCE / "prefect.toml", repository)
    (repository / "dvc.yaml").write_text(STAGES, encoding="utf-8")
    return repository


def _deploy(root: Path, api: str, name: str, parameters: dict[str, Any], **more: Any) -> str:
    """Deploys all of prefect.yaml, one of them every minute, in its second some time ahead; returns the id of that one."""
    second = (datetime.now(UTC) + timedelta(seconds=SOON_SECONDS)).second
    declared = copy.deepcopy(DECLARED)
    for deployment in declared["deployments"]:
        deployment["schedules"] = []
        if deployment["name"] == name:
            deployment["schedules"] = [{"cron": f"* * * * * {second}", "timezone": "Europe/Berlin"}]
            deployment["parameters"] |= parameters
            deployment |= more
    (root / "prefect.yaml").write_text(yaml.safe_dump(declared), encoding="utf-8")
    _prefect(root, api, "work-pool", "create", "local-pool", "--type", "process")
    _prefect(root, api, "--no-prompt", "deploy", "--all")
    return str(_ask("GET", f"{api}/deployments/name/{name}/{name}")["id"])


def _stuck(api: str, deployment: str) -> None:
    """A run that a worker took and never started."""
    run = _post(f"{api}/deployments/{deployment}/create_flow_run", {"state": {"type": "SCHEDULED"}})
    pending = {"state": {"type": "PENDING"}, "force": False}
    assert _post(f"{api}/flow_runs/{run['id']}/set_state", pending)["status"] == "ACCEPT"


def _check_strangers_start_nothing(api: str, deployment: str) -> None:
    """Check that a run without the password or the token is refused, and that the scheduler's own runs are all there are."""
    url, before = f"{api}/deployments/{deployment}/create_flow_run", _post(f"{api}/flow_runs/count", {})
    invented = {"Prefect-Csrf-Token": "a", "Prefect-Csrf-Client": "b"}
    user, _, password = PASSWORD.partition(":")
    for headers in ({}, invented):
        assert httpx.post(url, json={}, headers=headers).status_code == 403
        assert httpx.post(url, json={}, headers=headers, auth=(user, password)).status_code == 403
    assert httpx.get(f"{api}/csrf-token?client=a").status_code == 401
    with pytest.raises(PrefectHTTPStatusError, match="401 Unauthorized"):
        _ask("POST", url, json={}, password="mgm:guessed")
    assert _post(f"{api}/flow_runs/count", {}) == before


def _check_pages_start_nothing(api: str, deployment: str, folder: Path) -> None:
    """Check that a page of another origin, which sends all that a real browser lets it send, starts no run."""
    url = f"{api}/deployments/{deployment}/create_flow_run"
    told, sent = browser.attack(folder, url, readable=f"{api}/csrf-token?client=a")
    assert set(sent) == {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "none"}
    assert {told["server: JSON"], told["server: read"]} == {"blocked"}
    runs = _post(f"{api}/flow_runs/filter", {"deployments": {"id": {"any_": [deployment]}}})
    assert [run["name"] for run in runs if not run["auto_scheduled"]] == []


def _keys(api: str) -> set[str]:
    return {artifact["key"] for artifact in _post(f"{api}/artifacts/filter", {})}


@pytest.mark.slow
@pytest.mark.usefixtures("warm")
def test_cron_fires_also_after_a_run_that_hangs(project: Path, tmp_path: Path) -> None:
    """The project lies in a third folder: neither the deployer's nor the worker's."""
    deployer, worker, port = tmp_path / "deployer", tmp_path / "worker", _free_port()
    shutil.copytree(project, deployer, symlinks=True)
    worker.mkdir()
    api = f"http://127.0.0.1:{port}/api"
    grace = {"PREFECT_SERVER_CONCURRENCY_INITIAL_DEPLOYMENT_LEASE_DURATION": "30"}
    limit = {"limit": 1, "collision_strategy": "ENQUEUE"}
    with _background(project, api, "server", "start", "--port", str(port), **grace, **SERVER):
        _wait(lambda: _answers(f"{api}/health"), 180, "the server answers")
        deployment = _deploy(deployer, api, "retrain", {"promote": False}, concurrency_limit=limit)
        _check_strangers_start_nothing(api, deployment)
        _check_pages_start_nothing(api, deployment, tmp_path)
        _stuck(api, deployment)
        pool = ["--pool", "local-pool", "--type", "process"]
        with _background(worker, api, "worker", "start", *pool, MGM_PROJECT=str(project)):
            _wait(
                lambda: _scheduled_and_completed(api, "retrain"),
                400,
                "a run that cron started has ended well",
            )
        assert artifacts.RETRAIN_PROGRESS in _keys(api)
    assert (project / "second").read_text(encoding="utf-8") == "一\n一\n"
    assert not (deployer / "second").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("warm")
@pytest.mark.skipif(postgres.binaries() is None, reason="no PostgreSQL server on this machine")
def test_cron_scores_a_night_with_a_server_on_postgresql(project: Path, tmp_path: Path) -> None:
    bundle = tiny_corpora.saved_bundle(tmp_path)
    (project / "incoming").mkdir()
    today = datetime.now(UTC).date()
    for day in [today - timedelta(days=n) for n in range(-1, 3)]:  # whatever the time zone, and at midnight
        tiny_corpora.menus(5).select("doc_id", "text").write_ndjson(project / f"incoming/{day}.jsonl")
    port, database = _free_port(), _free_port()
    api = f"http://127.0.0.1:{port}/api"
    with (
        postgres.running(database) as address,
        _background(
            project,
            api,
            "server",
            "start",
            "--port",
            str(port),
            PREFECT_SERVER_DATABASE_CONNECTION_URL=address,
            **SERVER,
        ),
    ):
        _wait(lambda: _answers(f"{api}/health"), 180, "the server answers")
        deployment = _deploy(project, api, "nightly-score", {"bundle": str(bundle)})
        _check_strangers_start_nothing(api, deployment)
        _stuck(api, deployment)
        with _background(project, api, "worker", "start", "--pool", "local-pool", "--type", "process"):
            _wait(
                lambda: _scheduled_and_completed(api, "nightly-score"), 500, "a night by cron has ended well"
            )
            ((_, _, night), *_) = read_nights(DeltaTable(project / "data/scored/predictions"))
            assert (night.rows_in, night.predictions) == (5, 5)
            days = ["-p", f"first={night.date}", "-p", f"last={night.date}", "-p", f"bundle={bundle}"]
            _prefect(project, api, "deployment", "run", "backfill/backfill", *days)
            _wait(lambda: _completed(api, "backfill"), 300, "a backfill by hand has ended well")
        assert {artifacts.NIGHT, artifacts.NIGHT_PAGE, artifacts.BACKFILL} <= _keys(api)
    assert not (project / ".prefect" / "prefect.db").exists()
    assert f"{night.date},skipped,5,5,0" in (project / "reports/nights/backfill.csv").read_text()


def _completed(api: str, flow: str) -> list[Any]:
    """Its runs that have ended well; one that failed is an error."""
    runs = _post(
        f"{api}/flow_runs/filter",
        {
            "flows": {"name": {"any_": [flow]}},
            "flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}}},
        },
    )
    assert all(run["state_type"] == "COMPLETED" for run in runs), runs
    return runs


def _scheduled_and_completed(api: str, flow: str) -> bool:
    return any(run["auto_scheduled"] for run in _completed(api, flow))


def _post(url: str, content: dict[str, Any]) -> Any:
    return _ask("POST", url, json=content)


def _ask(method: str, url: str, *, password: str = PASSWORD, **more: Any) -> Any:
    """By Prefect's own client, which asks again when the server says 503: its SQLite database was locked just then."""
    headers = {"Authorization": f"Basic {base64.b64encode(password.encode()).decode()}"}
    api = url[: url.index("/api/") + len("/api")]
    with PrefectHttpxSyncClient(
        timeout=20, base_url=api, headers=headers, enable_csrf_support=True
    ) as client:
        return client.request(method, url, **more).json()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def _prefect(root: Path, api: str, *arguments: str) -> None:
    command = [sys.executable, "-m", "prefect", *arguments]
    env = environment() | {"PREFECT_API_URL": api} | CLIENT
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def _background(root: Path, api: str, *arguments: str, **variables: str) -> Iterator[None]:
    """A server or worker: neither ends promptly on SIGTERM, and both leave children when killed alone."""
    with (root / f"{arguments[0]}.log").open("wb") as log:
        process = psutil.Popen(
            [sys.executable, "-m", "prefect", *arguments],
            cwd=root,
            env=environment()
            | {"PREFECT_API_URL": api, "PREFECT_WORKER_QUERY_SECONDS": "2"}
            | ({} if arguments[0] == "server" else CLIENT)
            | variables,
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
        time.sleep(0.5)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
