"""The benchmark of what an encoder teaches: which documents are taught, with which settings, and the whole way once."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from benchmarks.peers.rows import load
from mgm.files import read_json
from mgm.training.distillation.linear_teacher import LinearTeacher
from tests.benchmarks.loading import load_benchmark
from tests.benchmarks.workspace import make
from tests.tiny_encoder import make_encoder

FILE = Path(__file__).parents[2] / "benchmarks" / "distillation.py"


@pytest.fixture(scope="module")
def benchmark() -> Any:
    return load_benchmark(FILE)


def test_training_documents_alone_are_taught(benchmark: Any, tmp_path: Path) -> None:
    make(tmp_path)
    workspace = load(tmp_path, few=4)
    (dish,) = benchmark.chosen_tasks(workspace, ["dish"])
    (part,) = workspace.parts["menus"]
    is_training = (part.documents["split"] == "train").to_numpy()
    scores = np.arange(3 * is_training.sum(), dtype=np.float32).reshape(-1, 3)
    teacher = LinearTeacher(scores=scores, c=1.0, quality=0.0)
    (taught,) = benchmark.with_teacher(workspace, dish, teacher)["menus"]
    column = taught.documents[dish.columns.teacher].to_numpy()
    assert (np.isfinite(column).all(1) == is_training).all()
    labelled = taught.documents.filter(pl.col("split") == "train")[dish.columns.label_ids]
    assert labelled.is_not_null().sum() == 4 < is_training.sum()
    with pytest.raises(ValueError, match="--tasks: no task 'keys' to teach"):
        benchmark.chosen_tasks(workspace, ["keys"])
    deep, whole = (
        benchmark.settings_of(workspace, model, num_documents=9_000, seed=2)
        for model in ("taught_deep", "both")
    )
    assert (deep.distillation.wide, whole.distillation.wide, whole.seed) == (False, True, 2)


@pytest.mark.slow
def test_the_whole_way_goes_on_where_it_ended(
    benchmark: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shared_folder: Callable[[str, Callable[[Path], object]], Path],
) -> None:
    encoder = shared_folder("tiny_encoder", make_encoder)
    make(tmp_path)
    params = tmp_path / "params.yaml"
    params.write_text(
        params.read_text(encoding="utf-8").replace("model:\n", "model:\n  pretrained: {window_pieces: 32}\n"),
        encoding="utf-8",
    )
    command = ["x", "--workspace", str(tmp_path), "--encoder", str(encoder), "--tasks", "price", "--few", "8"]
    command += ["--seeds", "1", "--only", "taught,vectors", "--work", str(tmp_path / "work")]
    monkeypatch.setattr(sys, "argv", [*command, "--results", str(tmp_path / "results.json")])
    benchmark.main()
    (entry,) = read_json(tmp_path / "results.json")["tasks"].values()
    assert entry["labels"] == 8 and list(entry["models"]) == ["taught", "vectors"]
    assert entry["models"]["taught"]["1"]["rows"] > entry["models"]["vectors"]["1"]["rows"] == 8
    monkeypatch.setattr(benchmark, "fit", None)
    benchmark.main()
