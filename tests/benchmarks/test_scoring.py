"""The benchmark of scoring names every step of a night, and its peers label what they are asked for."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mgm.scoring import steps
from tests.benchmarks.loading import load_benchmark

FILE = Path(__file__).parents[2] / "benchmarks" / "scoring.py"


@pytest.fixture(scope="module")
def scoring() -> Any:
    return load_benchmark(FILE)


def test_every_step_of_a_night_belongs_to_a_stage(scoring: Any) -> None:
    assert set(scoring.STAGES) == {"loaded", *steps.STEPS}


def test_peers_label_the_tasks_of_the_corpus(
    scoring: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fasttext = pytest.importorskip("fasttext")
    if not hasattr(fasttext, "train_supervised"):
        pytest.skip("the installed module fasttext only predicts")
    rows = [("soup", "stir the hot soup", ["hot"]), ("cake", "bake a sweet cake", ["sweet", "baked"])]
    pl.DataFrame(
        [{"doc_id": f"{i}", "text": t, "dish": d, "marks": m} for i in range(40) for d, t, m in [rows[i % 2]]]
    ).write_parquet(tmp_path / "menus.parquet")
    tasks = {"dish": "classification", "marks": "multilabel"}
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    scoring.fit(tmp_path / "menus.parquet", tasks, 40, tmp_path)
    monkeypatch.chdir(tmp_path)
    for peer in scoring.PEERS:
        scoring.measure_peer(peer, "menus.parquet", str(tmp_path), 10, 20)
        found = pl.read_parquet(f"{peer}-10.parquet")
        assert found["doc_id"].to_list() == [str(i) for i in range(10, 30)]
        labels = [name.removeprefix("__label__") for name in found["dish"]]
        assert labels == ["soup", "cake"] * 10
        assert {len(names) for names in found["marks"]} <= {0, 1, 2}
