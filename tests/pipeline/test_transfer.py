"""The benchmark of pretraining and teachers on whole runs of a real pipeline."""

import json
from pathlib import Path

import pytest

from mgm.settings.settings import Settings
from tests.benchmarks.loading import load_benchmark
from tests.pipeline.conftest import ROOT, Project

pytestmark = pytest.mark.slow

TASKS = {"dish", "keys", "price", "themes"}


def test_transfer_runs_are_compared_and_params_restored(built: Project, tmp_path: Path) -> None:
    """Of the plain model and the one with both, pretrained weights and teachers, by whole runs; what the two others change."""
    project = built.copy_to(tmp_path / "project")
    (project.root / "benchmarks/results").mkdir(parents=True)
    before = (project.root / "params.yaml").read_bytes()
    command = ["python", str(ROOT / "benchmarks/transfer.py"), "--workspace", ".", "--only", "both"]
    output = project.ok(*command)
    assert (project.root / "params.yaml").read_bytes() == before
    lines = [line.split(" | ")[0] for line in output.splitlines() if line.startswith("| ")]
    assert lines == ["| model", "| ---", "| plain", "| both"]

    results = json.loads((project.root / "benchmarks/results/transfer.json").read_text(encoding="utf-8"))
    models = results["bundles"]["menus+verses"]["models"]
    assert set(models) == {"plain", "both"}
    for name, model in models.items():
        assert set(model["test"]) == set(model["valid"]) == TASKS
        assert (model["test_against_plain"]["mean"] == 0) or name != "plain"
        compared = model["gain"].get("1", {}).get("tasks", {})
        assert set(compared) == (TASKS if name == "plain" else set())
    last = json.loads((project.root / "data/taught/taught.json").read_text(encoding="utf-8"))
    assert set(last["tasks"]) == TASKS - {"keys"}  # tagging has no teachers

    (project.root / "data/transfer/params.yaml").write_bytes(before)  # as a killed run leaves the two
    project.edit(lambda params: params.update(seed=7))
    again = project.ok(*command)
    assert again.startswith("params.yaml: put back")
    again = again.partition("\n")[2]  # the table alone: nothing is run again
    assert again.strip() in output
    assert "Running stage" not in again
    assert (project.root / "params.yaml").read_bytes() == before

    transfer, settings = (
        load_benchmark(ROOT / "benchmarks/transfer.py"),
        Settings.load(project.root / "params.yaml"),
    )
    changes = {name: transfer.values(name, settings, 1) for name in ("plain", "pretrained", "taught", "both")}
    assert changes["pretrained"] == {"train.init_from": "pretrained"}
    assert set(changes["taught"]) == {"distillation.teachers"}
    assert (changes["plain"], changes["both"]) == ({}, changes["pretrained"] | changes["taught"])

    refused = project.fails(*command[:-1], "tought")
    assert refused == "error: --only: no model 'tought' (did you mean 'taught'?)\n"
