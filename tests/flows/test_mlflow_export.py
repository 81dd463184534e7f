"""The export to MLflow: registered once, loaded and served in another folder."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from flows import mlflow_export
from flows.mlflow_export import MlflowOptions, export_mlflow
from mgm.bundle.signing import sign
from mgm.errors import MissingExtra
from mgm.inference.model import Model
from tests import keys, tiny_corpora

TEXTS = ["Press Enter.", "明月照高楼。", ""]


def test_output_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(FileExistsError, match="out: is there already; expected a new folder"):
        export_mlflow(MlflowOptions(output=tmp_path / "out"))


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtra, match="mlflow is not installed") as raised:
        export_mlflow(MlflowOptions())
    assert raised.value.extra == "mlflow"


def test_nothing_is_told_to_mlflow_about_the_use() -> None:
    assert mlflow_export._ENVIRONMENT["MLFLOW_DISABLE_TELEMETRY"] == "true"


@pytest.mark.slow
def test_mlflow_serves_what_mgm_predicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signed bundle, registered once and served by its alias where there is no project; another key stops it."""
    mlflow = pytest.importorskip("mlflow")
    bundle = tiny_corpora.saved_bundle(tmp_path)
    private = keys.pair(tmp_path / "keys")
    sign(bundle, private)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MGM_VERIFY_KEY", str(keys.public(private)))
    store = f"sqlite:///{tmp_path}/mlflow.db"
    options = MlflowOptions(bundle=bundle, name="menus", tracking_uri=store)
    assert "menus, version 1, alias champion" in export_mlflow(options)[0]
    assert "version 1, has the alias champion" in export_mlflow(options)[0], "once"
    client = mlflow.MlflowClient(store)
    version = client.get_model_version_by_alias("menus", "champion")
    assert version.tags["mgm.bundle"] == Model.load(bundle).bundle.id
    info = mlflow.models.get_model_info("models:/menus@champion")
    assert info.signature.inputs.input_names() == ["text"]
    assert info.saved_input_example_info is not None
    other = keys.pair(tmp_path / "others")
    monkeypatch.setenv("MGM_VERIFY_KEY", str(keys.public(other)))
    with pytest.raises(ValueError, match="its signature does not hold for the key"):
        mlflow.pyfunc.load_model("models:/menus@champion")
    monkeypatch.setenv("MGM_VERIFY_KEY", str(keys.public(private)))
    assert _served("models:/menus@champion", tmp_path, store=store) == json.loads(
        json.dumps(Model.load(bundle).predict(TEXTS).drop("text").to_dicts())
    )


def _served(model: str, folder: Path, *, store: str) -> object:
    """Return the answer of `mlflow models serve` in an empty folder."""
    (folder / "empty").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": store,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "models", "serve", "-m", model, *options],
        cwd=folder / "empty",
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 180
        while True:
            try:
                assert httpx.get(f"http://127.0.0.1:{port}/ping").status_code == 200
                break
            except httpx.TransportError:
                assert server.poll() is None and time.monotonic() < deadline
                time.sleep(0.2)
        body = {"dataframe_split": {"columns": ["text"], "data": [[text] for text in TEXTS]}}
        answer = httpx.post(f"http://127.0.0.1:{port}/invocations", json=body, timeout=60)
        return answer.json()["predictions"]
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
