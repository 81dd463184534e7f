"""A results file keeps what others measured on the same rows."""

import json
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from benchmarks import hardware
from benchmarks.peers.protocol import Unit
from benchmarks.peers.results import by_seed, gathered
from mgm.files import write_json
from mgm.tasks import Task

DISH = Task(name="dish", kind="classification", corpora=["menus"])
ROWS = {"dish": {"train": 4, "valid": 2, "test": 2}}


def found(fingerprint: str, accuracy: float, seconds: float | None = 2.0) -> dict[str, Any]:
    return {
        "fingerprint": fingerprint,
        "revision": "r",
        "cpu": "c",
        "seconds": seconds,
        "tasks": {"dish": {"accuracy": accuracy}},
        "tuned": {"best_epoch": 1, "valid": {"dish": 0.5}, "thresholds": {}, "fingerprint": fingerprint},
    }


def unit(folder: Path, model: str, seed: int, fingerprint: str, accuracy: float) -> Unit:
    path = folder / model / f"seed-{seed}.json"
    write_json(path, found(fingerprint, accuracy))
    return Unit(model, [DISH], seed, path, fingerprint, 0, 0.0, dict)


def written(tmp_path: Path, *units: Unit, rows: dict[str, dict[str, int]] = ROWS) -> Any:
    """The results after a run of these units alone."""
    path = tmp_path / "results.json"
    results = gathered(path, "menus", rows, units)
    bundle = {"labelled_rows": rows, "results": results, "machine": {"date": "2026-01-02"}, "versions": {}}
    write_json(path, {"bundles": {"menus": bundle}})
    return json.loads(path.read_text())["bundles"]["menus"]["results"]


def test_a_run_leaves_other_models_and_seeds(tmp_path: Path) -> None:
    written(tmp_path, unit(tmp_path, "linear", 1, "a", 0.7), unit(tmp_path, "mgm-fast", 2, "b", 0.8))
    after = written(tmp_path, unit(tmp_path, "mgm-fast", 10, "b", 0.9))
    assert list(by_seed(after)["mgm-fast"]) == ["2", "10"]
    assert by_seed(after)["linear"] == {"1": {"dish": {"accuracy": 0.7}}}
    assert after["linear"]["dish"]["1"]["tuned"] == {"best_epoch": 1, "valid": {"dish": 0.5}}
    again = written(tmp_path, unit(tmp_path, "mgm-fast", 10, "b", 0.6))
    assert by_seed(again)["mgm-fast"]["10"] == {"dish": {"accuracy": 0.6}}


def test_a_result_keeps_its_date_beside_later_ones(tmp_path: Path) -> None:
    """One that was written before results had a date gets that of its file, as the latest possible."""
    written(tmp_path, unit(tmp_path, "linear", 1, "a", 0.7))
    after = written(tmp_path, unit(tmp_path, "mgm-fast", 1, "b", 0.9))
    assert after["linear"]["dish"]["1"]["date"] == "2026-01-02 or before"


def test_seeds_of_other_settings_are_left_out_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, unit(tmp_path, "linear", 1, "a", 0.7), unit(tmp_path, "mgm-fast", 1, "b", 0.8))
    after = written(tmp_path, unit(tmp_path, "mgm-fast", 2, "other", 0.9))
    assert list(by_seed(after)["mgm-fast"]) == ["2"] and "linear" in after
    assert "mgm-fast, dish, seed 1: of other features or settings, left out" in capsys.readouterr().out


def test_results_of_other_rows_are_left_out_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, unit(tmp_path, "linear", 1, "a", 0.7))
    fewer = {"dish": {"train": 3, "valid": 2, "test": 2}}
    assert set(written(tmp_path, unit(tmp_path, "mgm-fast", 1, "b", 0.8), rows=fewer)) == {"mgm-fast"}
    assert "menus: linear, dish: dish of other rows, left out" in capsys.readouterr().out


def test_results_of_tasks_whose_rows_are_the_same_stay(tmp_path: Path) -> None:
    written(tmp_path, unit(tmp_path, "linear", 1, "a", 0.7))
    more = ROWS | {"price": {"train": 3, "valid": 2, "test": 2}}
    assert set(written(tmp_path, unit(tmp_path, "mgm-fast", 1, "b", 0.8), rows=more)) == {
        "mgm-fast",
        "linear",
    }


def test_the_parts_of_a_model_are_one_result_a_seed() -> None:
    price = found("a", 0) | {"tasks": {"price": {"pearson": 0.3}}}
    parts = {"linear": {"dish": {"1": found("a", 0.7)}, "price": {"1": price}}}
    assert by_seed(parts) == {"linear": {"1": {"dish": {"accuracy": 0.7}, "price": {"pearson": 0.3}}}}


def test_results_do_not_mark_a_revision(tmp_path: Path) -> None:
    """A benchmark writes its results as it goes; any other change of a file marks the revision."""
    run = partial(subprocess.run, cwd=tmp_path, check=True, capture_output=True)
    for name in ("code.py", "benchmarks/results/quality.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1", encoding="utf-8")
    run(["git", "init", "--quiet"])
    run(["git", "add", "."])
    run(["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "first"])
    (tmp_path / "benchmarks/results/quality.json").write_text("2", encoding="utf-8")
    assert len(hardware.revision(tmp_path)) == 40
    (tmp_path / "code.py").write_text("2", encoding="utf-8")
    assert hardware.revision(tmp_path).endswith(" with uncommitted changes")
