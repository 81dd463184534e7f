"""Nights scored by workers of a Ray cluster have the same rows as in this process, whatever is killed."""

import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest
from deltalake import DeltaTable

from flows.errors import message
from mgm.bundle.format import bundle_id
from mgm.bundle.seal import seal_bundle
from mgm.bundle.sealing import SealingKey, generate_key, write_key
from mgm.compute import cluster as connection
from mgm.compute import workers
from mgm.compute.workers import WorkersLost
from mgm.errors import MissingExtra
from mgm.scoring import cluster, steps
from mgm.scoring.commits import read_nights
from mgm.scoring.isolation import ModelBroken
from mgm.scoring.scorer import Scorer
from mgm.settings.compute import ComputeSettings, RaySettings
from tests.scoring.nights import DAY, SETTINGS, SHARDS, documents, score, tables

REPOSITORY = Path(__file__).parents[2]

SCRIPT = """
import json, sys
from pathlib import Path
from mgm.scoring.staging import Staging
from mgm.settings.compute import ComputeSettings, RaySettings
from tests.scoring.nights import DAY, SETTINGS, score
if __name__ == "__main__":
    written, real = [], Staging.write
    def counted(self, shard, rows):
        written.append(shard.rows)
        real(self, shard, rows)
    Staging.write = counted
    compute = ComputeSettings(ray=RaySettings(address=sys.argv[2], workers=1, require_token=False))
    summary = score(DAY, "in.jsonl", Path(sys.argv[1]), settings=SETTINGS, compute=compute)
    print(json.dumps(summary | {"scored_now": sum(written)}))
"""


@pytest.fixture
def undisturbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: Path) -> Any:
    """Write the night's documents into a folder, and return the rows that this process makes of them."""
    monkeypatch.chdir(tmp_path)
    documents().write_ndjson("in.jsonl")
    apart = SETTINGS.model_copy(
        update={"table": "apart/p", "rejects": "apart/r", "staging_dir": "apart/work"}
    )
    score(DAY, "in.jsonl", bundle, settings=apart)
    return tables(apart)


def on_ray(address: str, *, require_token: bool = False, **ray: Any) -> dict[str, Any]:
    """Return the settings of a night that a cluster's workers score; the tests' cluster has no token."""
    compute = ComputeSettings(ray=RaySettings(address=address, require_token=require_token, **ray))
    return {"settings": SETTINGS, "compute": compute}


def not_here(*_: Any, **__: Any) -> None:
    raise AssertionError("this process scores")


def lose(monkeypatch: pytest.MonkeyPatch, times: int) -> list[int]:
    """Let the first so many shards reach a worker that never answers and is then killed; return the shards' numbers."""
    real, lost = workers.WorkerPool._submit, []

    def submit(self: Any, job: Any) -> None:
        actor = self._idle[-1]
        pid = self._ray.get(actor.__ray_call__.remote(lambda _: os.getpid()))
        if len(lost) < times:
            os.kill(pid, signal.SIGSTOP)
        real(self, job)
        if len(lost) < times:
            os.kill(pid, signal.SIGKILL)
            lost.append(job.item.index)

    monkeypatch.setattr(workers.WorkerPool, "_submit", submit)
    return lost


@pytest.mark.slow
def test_two_nodes_score_the_same_night(
    cluster_address: str, bundle: Path, undisturbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where workers are lost, too: each gives its shard back. Without a loss see the night of a client."""
    monkeypatch.setattr(Scorer, "score", not_here)
    started, real = [], workers.WorkerPool._start

    def start(self: Any) -> None:
        started.append(1)
        real(self)

    monkeypatch.setattr(workers.WorkerPool, "_start", start)
    lost = lose(monkeypatch, 2)
    score(DAY, "in.jsonl", bundle, **on_ray(cluster_address))
    assert tables() == undisturbed
    assert lost[0] == 0 and len(started) == 2 + 2  # workers for four shards, and for the lost ones


@pytest.mark.slow
def test_cluster_that_takes_any_token_gets_no_document(
    cluster_address: str, bundle: Path, undisturbed: Any, commands: Path
) -> None:
    """Where only this side has a token; in a process of its own, since Ray reads the variables once."""
    Path("run.py").write_text(SCRIPT.replace("require_token=False", "require_token=True"))
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef0123456789abcdef"}
    environment = os.environ | token | {"PYTHONPATH": str(REPOSITORY)}
    command = [str(commands / "python"), "run.py", str(bundle), cluster_address]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "RAY_AUTH_MODE is None on its nodes, expected 'token': whoever reaches" in done.stderr
    assert not Path(SETTINGS.table).exists()


@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
def test_a_worker_loads_files_that_lie_in_read_only_memory(
    bundle: Path, tmp_path: Path, *, sealed: bool
) -> None:
    """As the cluster's store has them, for all workers of a node: each has weights of its own, and the files stay as they are."""
    key, folder = None, bundle
    if sealed:
        pytest.importorskip("pyrage", reason="needs the extra encrypt")
        key, folder = SealingKey.parse(generate_key(), "a key"), tmp_path / "sealed"
        seal_bundle(bundle, folder, key=key)
    buffers: list[pickle.PickleBuffer] = []
    model = cluster.WorkerModel.read(folder, public_key=None, as_corpus=None, settings=SETTINGS)
    content = pickle.dumps(model, protocol=5, buffer_callback=buffers.append)
    sent = pickle.loads(content, buffers=[bytes(buffer) for buffer in buffers])
    assert bool(buffers) is not sealed
    worker = cluster.WorkerScorer(sent, key)
    assert worker.scorer.bundle.id == bundle_id(bundle)
    for weight in worker.scorer.bundle.network.parameters():
        weight.data.zero_()
    assert sent.contents.files.keys() == model.contents.files.keys()
    for name, before in model.contents.files.items():
        assert bytes(sent.contents.files[name]) == bytes(before)


@pytest.mark.slow
def test_client_of_the_cluster_scores_the_same(
    client_address: str, bundle: Path, undisturbed: Any, commands: Path
) -> None:
    """In a process of its own, which is none of the cluster's, with a sealed bundle, whose key the cluster's nodes do not have."""
    pytest.importorskip("pyrage", reason="needs the extra encrypt")
    write_key(Path("a.key"))
    seal_bundle(bundle, Path("sealed"), key=SealingKey.load(Path("a.key")))
    assert Path("sealed/weights.safetensors.age").is_file()
    Path("run.py").write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "MGM_ENCRYPTION_KEY": "a.key"}
    command = [str(commands / "python"), "run.py", "sealed", client_address]
    subprocess.run(command, env=environment, check=True, timeout=300)
    assert tables() == undisturbed


@pytest.mark.slow
def test_shard_that_ends_every_worker(
    cluster_address: str, bundle: Path, undisturbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = on_ray(cluster_address, workers=1)
    with monkeypatch.context() as patch:
        patch.setattr(workers, "MAX_TRIES", 2)
        lose(patch, 2)
        with pytest.raises(
            WorkersLost, match=r"shard 0 \(8 documents from in.jsonl, row 1\): 2 workers were"
        ):
            score(DAY, "in.jsonl", bundle, **one)
    assert not Path(SETTINGS.table).exists()
    score(DAY, "in.jsonl", bundle, **one)
    assert tables() == undisturbed


@pytest.mark.slow
def test_errors_of_workers_are_raised(
    cluster_address: str, bundle: Path, undisturbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(cluster.WorkerScorer):
        def __call__(self, frame: pl.DataFrame) -> Any:
            raise ModelBroken(f"the model fails for {frame['doc_id'][0]}")

    class Bare(cluster.WorkerScorer):
        def __init__(self, model: Any, encryption_key: Any) -> None:
            raise ModuleNotFoundError("No module named 'torch'")

    monkeypatch.setattr(workers, "MAX_TRIES", 2)
    monkeypatch.setattr(cluster, "WorkerScorer", Broken)
    with pytest.raises(ModelBroken, match="^the model fails for m"):
        score(DAY, "in.jsonl", bundle, **on_ray(cluster_address, workers=1))
    monkeypatch.setattr(cluster, "WorkerScorer", Bare)
    with pytest.raises(WorkersLost, match="(?s)2 workers could not start; .*No module named 'torch'"):
        score(DAY, "in.jsonl", bundle, **on_ray(cluster_address, workers=1))


@pytest.mark.slow
def test_cluster_too_small_for_a_worker(
    cluster_address: str, bundle: Path, undisturbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "START_SECONDS", 1.0)
    monkeypatch.setattr(workers, "WAKE_SECONDS", 1.0)
    with pytest.raises(
        WorkersLost, match=r"each asks for 1.0 CPUs and 2.0 GPUs, and the cluster has 2.0 and 0"
    ):
        score(DAY, "in.jsonl", bundle, **on_ray(cluster_address, gpus=2))


@pytest.mark.slow
def test_killed_run_ends_its_cluster_and_continues(bundle: Path, undisturbed: Any) -> None:
    Path("run.py").write_text(SCRIPT)
    mark = {"MGM_TEST_NIGHT": str(Path.cwd())}
    environment = os.environ | mark | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "run.py", str(bundle), "local"]
    killed = subprocess.run(command, env=environment | {steps.VARIABLE: steps.SHARD_STAGED}, timeout=300)
    assert killed.returncode == -signal.SIGKILL
    finished = len(list(SHARDS.glob("*/done.json")))
    assert finished == 1
    _, alive = psutil.wait_procs(_marked(mark), timeout=30)
    assert not alive
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=300
    )
    assert json.loads(done.stdout.splitlines()[-1])["scored_now"] == 31 - 8 * finished
    assert tables() == undisturbed
    assert len(read_nights(DeltaTable(SETTINGS.table))) == 1


def _marked(mark: dict[str, str]) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if mark.items() <= process.environ().items():
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_night_without_shards_starts_nothing(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    documents().clear().write_parquet("in.parquet")
    monkeypatch.setattr(cluster, "connect", not_here)
    assert score(DAY, "in.parquet", bundle, **on_ray("local"))["rows_in"] == 0


def test_missing_ray(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match="compute.ray.address asks for Ray") as raised:
        score(DAY, "in.jsonl", bundle, **on_ray("local"))
    assert message(raised.value).endswith("run `pip install -c requirements.lock -e '.[ray]'`")


def test_no_token_here(bundle: Path, undisturbed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    monkeypatch.setattr(connection, "_check_answers", not_here)
    with pytest.raises(
        connection.OpenCluster, match="RAY_AUTH_MODE is None here.* compute.ray.require_token to false"
    ):
        score(DAY, "in.jsonl", bundle, **on_ray("somewhere:1", require_token=True))


@pytest.mark.parametrize("file", ["", "gone", "empty"], ids=["no variable", "no file", "empty file"])
def test_a_mode_without_its_token(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, in place of the traceback of Ray; also where a token is not required."""
    monkeypatch.chdir(tmp_path)
    Path("empty").touch()
    variables = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": " ", "RAY_AUTH_TOKEN_PATH": file}
    for name, value in (variables | {"HOME": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    expected = file or tmp_path / ".ray/auth_token"
    for require_token in (True, False):
        with pytest.raises(
            connection.OpenCluster, match=rf"there is no token: .*, or in the file {expected}$"
        ):
            connection._check_token_here(RaySettings(address="somewhere:1", require_token=require_token))
    Path("empty").write_text("a token")
    if file == "empty":
        connection._check_token_here(RaySettings(address="somewhere:1"))


@pytest.mark.parametrize(
    "address", ["127.0.0.1:1", "ray://127.0.0.1:1", "somewhere"], ids=["cluster", "client", "no port"]
)
def test_no_cluster_at_the_address(bundle: Path, undisturbed: Any, address: str) -> None:
    with pytest.raises(
        WorkersLost, match=f"address '{address}': no Ray cluster answers .*expected local, host"
    ):
        score(DAY, "in.jsonl", bundle, **on_ray(address))
    assert not Path(SETTINGS.table).exists()
