"""The stages from raw rows to features by workers of a Ray cluster: the same bytes as in one process, whatever is killed."""

import importlib
import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from mgm.compute import ray_executor, ray_shuffle, remote_tasks, workers
from mgm.compute.executor import Emitted
from mgm.compute.storage_executor import StorageExecutor
from mgm.corpus.parts import listed_hashes
from mgm.settings.compute import RaySettings
from tests import object_store
from tests.object_store import BUCKET, Store

REPOSITORY = Path(__file__).parents[2]
STAGES = ("ingest", "clean", "deduplicate", "tokenize", "stopwords", "features")
DISHES = ["noodle soup", "fried rice", "steamed fish", "红烧豆腐", "tomato salad", "青菜面条"]
NUM_DOCUMENTS = 30
ROWS_PER_PART = 5

KILLED = """
import os, signal
from mgm.compute.storage_executor import StorageExecutor
from flows.stages.clean import main
if __name__ == "__main__":
    real, results = StorageExecutor._bring, []
    def bring(self, *arguments):
        results.append(real(self, *arguments))
        if len(results) >= 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return results[-1]
    StorageExecutor._bring = bring
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
    monkeypatch.setattr(ray_executor, "open_executor", lambda _, **__: nullcontext(executor))


@pytest.fixture(scope="module")
def server() -> Iterator[Store]:
    with object_store.running() as found:
        yield found


@pytest.fixture
def store(server: Store, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return an address in an object store, which the workers' nodes have credentials for."""
    object_store.use(server, monkeypatch)
    return f"s3://{BUCKET}/parts"


def kill_workers(monkeypatch: pytest.MonkeyPatch, numbers: set[int]) -> list[int]:
    """Kill the worker at each of these numbers of a run's tasks, while it has the task."""
    real = workers.WorkerPool._submit
    submitted: list[int] = []
    lost: list[int] = []

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


def kill_tasks_of_shuffles(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Kill the first worker that emits rows and the first that reduces some, while it does; each leaves a file in the folder."""
    real = remote_tasks.RemoteTasks.put_function

    class Killing:  # inner classes travel as they are, without the tests
        def __init__(self, function: Any) -> None:
            self.function = function
            self.columns = getattr(function, "columns", None)
            self.num_divisions = getattr(function, "num_divisions", None)

        def kill(self, name: str) -> None:
            with suppress(FileExistsError):
                (folder / name).touch(exist_ok=False)
                os.kill(os.getpid(), signal.SIGKILL)

        def __call__(self, *arguments: Any) -> Any:
            self.kill("emit")
            return self.function(*arguments)

        def divide(self, *arguments: Any, division: int) -> Any:
            return self.function.divide(*arguments, division=division)

        def reduce(self, pieces: Any) -> Any:
            self.kill("reduce")
            return self.function.reduce(pieces)

    monkeypatch.setattr(
        remote_tasks.RemoteTasks, "put_function", lambda self, function: real(self, Killing(function))
    )


def note_names(monkeypatch: pytest.MonkeyPatch, name: str) -> list[bool]:
    """Note of everything that workers get for their calls whether the name is in it."""
    real, hears = workers.WorkerPool._submit, []

    def submit(self: Any, job: Any) -> None:
        function, *arguments = job.arguments
        hears.append(
            any(name.encode() in content for content in (self._ray.get(function), pickle.dumps(arguments)))
        )
        real(self, job)

    monkeypatch.setattr(workers.WorkerPool, "_submit", submit)
    return hears


@pytest.mark.slow
def test_stages_on_a_cluster_that_loses_workers(
    cluster_address: str,
    store: str,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Workers that have never heard of the project's folder, also in the midst of a shuffle."""
    run(*STAGES)
    alone = files()
    settings = RaySettings(address=cluster_address, storage=store, cpus=0.5, require_token=False)
    lost = kill_workers(monkeypatch, {8})
    hears = note_names(monkeypatch, str(project))
    monkeypatch.setattr(ray_shuffle, "BYTES_OF_DIVISION", 5000)  # two divisions of a band
    killed = tmp_path_factory.mktemp("killed")
    kill_tasks_of_shuffles(monkeypatch, killed)
    with StorageExecutor(settings, project, listed=partial(listed_hashes, Path("data"))) as executor:
        use(monkeypatch, executor)
        run(*STAGES)

        def divide(by: int) -> Emitted:
            return Emitted(6 // by, {})

        with pytest.raises(ZeroDivisionError):
            list(executor.shuffle().emit(divide, [(3,), (0,)], columns=[]))
    assert files() == alone
    assert len(list(Path("data/tokens/menus").glob("*.parquet"))) == NUM_DOCUMENTS // ROWS_PER_PART
    assert sorted(path.name for path in killed.iterdir()) == ["emit", "reduce"]
    assert len(lost) == 1 and not any(hears) and len(hears) > 20


@pytest.mark.slow
def test_a_killed_driver_is_gone_on_with(
    cluster_address: str, store: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By workers that share the folder, after others that did not."""
    run("ingest", "clean")
    alone = files()
    ray = {"address": cluster_address, "storage": store, "cpus": 0.5, "require_token": False}
    params = Path("params.yaml").read_text()
    Path("params.yaml").write_text(params + yaml.safe_dump({"compute": {"ray": ray}}))
    Path("run.py").write_text(KILLED)
    killed = subprocess.run(
        [sys.executable, "run.py"], env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, timeout=300
    )
    assert killed.returncode == -signal.SIGKILL
    unfinished = Path("data/.clean.unfinished/menus")
    # a third part may have come in part, its rejected rows last
    finished = [path.stem.removeprefix("part-") for path in unfinished.glob("rejected/*.parquet")]
    assert 2 <= len(finished) < NUM_DOCUMENTS // ROWS_PER_PART
    made = {n: (unfinished / f"kept/part-{n}.parquet").stat().st_ino for n in finished}
    Path("params.yaml").write_text(params + yaml.safe_dump({"compute": {"ray": ray | {"storage": None}}}))
    run("clean")
    assert files() == alone
    assert {n: Path(f"data/clean/menus/part-{n}.parquet").stat().st_ino for n in finished} == made
