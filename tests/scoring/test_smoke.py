"""The smoke test finds the faults of a bundle, and measures time and memory of scoring."""

import json
import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import torch

from mgm.bundle.bundle import Bundle
from mgm.bundle.save import save_bundle
from mgm.compute.processes import run_in_subprocess
from mgm.scoring.smoke import SmokeResult, run_smoke_test
from mgm.tasks import Task, with_label_spaces
from tests import tiny_corpora

TASKS = tiny_corpora.settings().active_tasks()
SAMPLES = {c: frame.select("doc_id", "text").head(5) for c, frame in tiny_corpora.corpora().items()}


def smoke(
    folder: Path,
    samples: dict[str, pl.DataFrame] = SAMPLES,
    *,
    tasks: list[Task] = TASKS,
    repeats: int = 1,
) -> SmokeResult:
    return run_smoke_test(folder, samples, tasks=tasks, repeats=repeats)


def saved(folder: Path, bundle: Bundle) -> Path:
    save_bundle(folder / "bundle", bundle)
    return folder / "bundle"


def test_good_bundle_is_measured(tmp_path: Path) -> None:
    found = smoke(saved(tmp_path, tiny_corpora.bundle()), repeats=3)
    assert (found.documents, found.problems) == (10, [])
    assert found.p50_ms is not None
    assert found.p95_ms is not None
    assert 0 < found.p50_ms <= found.p95_ms


def test_memory_is_that_of_the_process(tmp_path: Path) -> None:
    ballast = bytearray(600 * 2**20)
    ballast[::4096] = b"x" * len(ballast[::4096])
    here = smoke(saved(tmp_path, tiny_corpora.bundle()))
    there = run_in_subprocess(smoke, tmp_path / "bundle")
    assert here.peak_mib is not None
    assert there.peak_mib is not None
    assert there.peak_mib < here.peak_mib - 300


@pytest.mark.parametrize("head", ["logits", "emissions", "value"])
def test_weights_that_are_not_finite(tmp_path: Path, head: str) -> None:
    bundle = tiny_corpora.bundle()
    with torch.no_grad():
        for name, parameter in bundle.network.named_parameters():
            if f".{head}.weight" in name:
                parameter[0, 0] = float("nan")
    (problem,) = smoke(saved(tmp_path, bundle)).problems[:1]
    assert re.search(rf"heads\.\S*{head}.weight': NaN or infinite", problem)


def test_scores_that_overflow(tmp_path: Path) -> None:
    """Every weight is finite, and their sum is not."""
    bundle = tiny_corpora.bundle()
    with torch.no_grad():
        for name, parameter in bundle.network.named_parameters():
            if ".value.weight" in name:
                parameter.fill_(3e38)
    problems = smoke(saved(tmp_path, bundle)).problems
    assert any("menus: price: no finite score for " in problem for problem in problems)


def test_missing_tasks_are_named(tmp_path: Path) -> None:
    more = [*TASKS, TASKS[0].model_copy(update={"name": "mood"})]
    (problem,) = smoke(saved(tmp_path, tiny_corpora.bundle()), tasks=more).problems
    assert problem == "the columns of the predictions are not those of the tasks: mood, mood_score"


def test_bundle_that_does_not_load(tmp_path: Path) -> None:
    folder = saved(tmp_path, tiny_corpora.bundle())
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"labels": {}}), encoding="utf-8")
    (problem,) = smoke(folder).problems
    assert "config.json: altered since the bundle was saved" in problem
    (problem,) = smoke(tmp_path / "nowhere").problems
    assert "the bundle cannot score: FileNotFoundError" in problem


def test_no_readable_document(tmp_path: Path) -> None:
    blank = {"menus": pl.DataFrame({"doc_id": ["a"], "text": [" "]})}
    assert smoke(saved(tmp_path, tiny_corpora.bundle()), blank).problems == ["no document was predicted"]
    assert smoke(tmp_path / "bundle", {}).problems == ["no document was predicted"]


def test_wrong_number_of_labels(tmp_path: Path) -> None:
    bundle = tiny_corpora.bundle()
    spaces = bundle.labels | {"dish": bundle.labels["dish"][:1]}
    broken = replace(bundle, tasks=with_label_spaces(bundle.tasks, spaces))
    assert smoke(saved(tmp_path, broken)).problems
