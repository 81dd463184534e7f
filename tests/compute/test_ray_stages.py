"""The stages from raw rows to features by workers of a Ray cluster: the same bytes as in one process, whatever is killed."""

import importlib
import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml

from mgm.compute import ray_executor, workers
from mgm.compute.processes import LocalExecutor
from mgm.compute.ray_executor import RayExecutor
from mgm.settings.compute import RaySettings

REPOSITORY = Path(__file__).parents[2]
STAGES = ("ingest", "clean", "deduplicate", "tokenize", "stopwords", "features")
DISHES = ["noodle soup", "fried rice", "steamed fish", "红烧豆腐", "tomato salad", "青菜面条"]
NUM_DOCUMENTS = 30
ROWS_PER_PART = 5

KILLED = """
import os, signal
from mgm.compute.workers import WorkerPool
from flows.stages.clean import main
if __name__ == "__main__":
    real, results = WorkerPool._handle_event, []
    def handle(self, handle, pending):
        result = real(self, handle, pending)
        results.extend([] if result is None else [result])
        if len(results) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    WorkerPool._handle_event = handle
    main("menus")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project of one corpus in six parts, with classes, sets, numbers and spans as labels, and some copies."""
    monkeypatch.chdir(tmp_path)
    kinds = {"course": "classification", "tags": "multilabel", "price": "regression", "dish": "tagging"}
    params: dict[str, Any] = {
        "enabled": {"menus": "raw"},
        "corpora": {"menus": {"lang": "detect"}},
        "tasks": {name: {"kind": kind, "corpora": ["menus"]} for name, kind in kinds.items()},
        "ingest": {"rows_per_part": ROWS_PER_PART},
        "text": {"features": {"min_count": 1}, "stopwords": {"document_frequency": 0.4}},
    }
    Path("params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    Path("data/resources").mkdir(parents=True)
    Path("raw").mkdir()
    for file in range(3):
        rows = [document(i) for i in range(file, NUM_DOCUMENTS, 3)]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        Path(f"raw/{file}.jsonl").write_text(text, encoding="utf-8")
    return tmp_path


def document(i: int) -> dict[str, Any]:
    dish = DISHES[i % len(DISHES)]
    text = f"Today the kitchen in {'Lyon' if i % 2 else 'Ghent'} serves {dish} for table {i if i % 7 else 7}."
    begin = text.index(dish)
    return {
        "doc_id": f"m{i}",
        "text": text,
        "course": "soup" if i % 3 else "main",
        "tags": ["warm", "new"][: i % 3],
        "price": i / 4,
        "dish": [{"start": begin, "end": begin + len(dish), "label": "DISH"}],
    }


def run(*stages: str) -> None:
    for stage in stages:
        importlib.import_module(f"flows.stages.{stage}").main(*([] if stage == "features" else ["menus"]))


def files() -> dict[str, bytes]:
    """Return what the stages have written, and nothing of unfinished parts."""
    paths = [path for folder in ("data", "reports") for path in Path(folder).rglob("*") if path.is_file()]
    assert not [path for path in paths if "unfinished" in str(path)]
    return {str(path): path.read_bytes() for path in paths}


def use(monkeypatch: pytest.MonkeyPatch, executor: Any) -> None:
    """Let all stages have one executor, so that workers start once."""
    monkeypatch.setattr(ray_executor, "open_executor", lambda _: nullcontext(executor))


@pytest.fixture
def ray(cluster_address: str, project: Path) -> Iterator[RayExecutor]:
    """Yield the executor of two workers."""
    with RayExecutor(
        RaySettings(address=cluster_address, cpus=0.5, require_token=False), project
    ) as executor:
        yield executor


def kill_workers(monkeypatch: pytest.MonkeyPatch, numbers: set[int]) -> list[int]:
    """Kill the worker at each of these numbers of a run's tasks, while it has the task."""
    real, submitted, lost = workers.WorkerPool._submit, [], []

    def submit(self: Any, job: Any) -> None:
        pid, kills = (
            self._ray.get(self._idle[-1].__ray_call__.remote(lambda _: os.getpid())),
            len(submitted) in numbers,
        )
        submitted.append(job.item)
        if kills:
            os.kill(pid, signal.SIGSTOP)
        real(self, job)
        if kills:
            os.kill(pid, signal.SIGKILL)
            lost.append(job.item)

    monkeypatch.setattr(workers.WorkerPool, "_submit", submit)
    return lost


@pytest.mark.slow
def test_calls_in_any_order_write_the_same(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(*STAGES)
    alone = files()
    use(monkeypatch, Backwards())
    run(*STAGES)
    assert files() == alone
    assert len(list(Path("data/tokens/menus").glob("*.parquet"))) == NUM_DOCUMENTS // ROWS_PER_PART


class Backwards(LocalExecutor):
    """Calls out of order, with copies of what is sent, as other processes get them, and without their start."""

    def map(self, function: Any, arguments: Any) -> Any:
        calls = list(arguments)
        sent = pickle.dumps(function)
        results = {i: pickle.dumps(pickle.loads(sent)(*calls[i])) for i in reversed(range(len(calls)))}
        yield from (pickle.loads(results[i]) for i in range(len(calls)))


@pytest.mark.slow
def test_stages_on_a_cluster_that_loses_workers(ray: RayExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    run(*STAGES)
    alone = files()
    use(monkeypatch, ray)
    lost = kill_workers(monkeypatch, {1, 8})
    run(*STAGES)
    assert files() == alone
    assert len(lost) == 2


@pytest.mark.slow
def test_a_killed_driver_is_gone_on_with(
    cluster_address: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("ingest", "clean")
    alone = files()
    settings = {"ray": {"address": cluster_address, "cpus": 0.5, "require_token": False}}
    params = Path("params.yaml").read_text()
    Path("params.yaml").write_text(params + yaml.safe_dump({"compute": settings}))
    Path("run.py").write_text(KILLED)
    killed = subprocess.run(
        [sys.executable, "run.py"], env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, timeout=300
    )
    assert killed.returncode == -signal.SIGKILL
    unfinished = Path("data/.clean.unfinished/menus")
    finished = {path.stem: path.stat().st_mtime_ns for path in unfinished.glob("*.json")}
    assert 2 <= len(finished) < NUM_DOCUMENTS // ROWS_PER_PART
    made = {n: (unfinished / f"kept/part-{n}.parquet").stat().st_ino for n in finished}
    run("clean")
    assert files() == alone
    assert {n: Path(f"data/clean/menus/part-{n}.parquet").stat().st_ino for n in finished} == made
