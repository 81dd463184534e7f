"""The smoke batch finds what is wrong with a bundle, and measures what scoring takes."""

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import torch

from mgm.bundle import bundle as bundles
from mgm.bundle.bundle import Bundle
from mgm.corpus.processes import run_in_subprocess
from mgm.scoring.smoke import smoke
from mgm.tasks import with_label_spaces
from tests import tiny

TASKS = tiny.settings().active_tasks()
SAMPLES = {c: frame.select("doc_id", "text").head(5) for c, frame in tiny.corpora().items()}


def saved(folder: Path, bundle: Bundle) -> Path:
    bundles.save(folder / "bundle", bundle)
    return folder / "bundle"


def test_a_good_bundle_is_measured(tmp_path: Path) -> None:
    found = smoke(saved(tmp_path, tiny.bundle()), SAMPLES, TASKS, 3)
    assert (found.documents, found.problems) == (10, [])
    assert found.p50_ms is not None
    assert found.p95_ms is not None
    assert 0 < found.p50_ms <= found.p95_ms


def test_in_a_process_of_its_own_the_memory_is_its_own(tmp_path: Path) -> None:
    ballast = bytearray(600 * 2**20)
    ballast[::4096] = b"x" * len(ballast[::4096])
    here = smoke(saved(tmp_path, tiny.bundle()), SAMPLES, TASKS, 1)
    there = run_in_subprocess(smoke, tmp_path / "bundle", SAMPLES, TASKS, 1)
    assert here.peak_mib is not None
    assert there.peak_mib is not None
    assert there.peak_mib < here.peak_mib - 300


@pytest.mark.parametrize("head", ["logits", "emissions", "value"])
def test_weights_that_are_not_finite_are_found_in_any_head(tmp_path: Path, head: str) -> None:
    bundle = tiny.bundle()
    with torch.no_grad():
        for name, parameter in bundle.network.named_parameters():
            if f".{head}.weight" in name:
                parameter[0, 0] = float("nan")
    (problem,) = smoke(saved(tmp_path, bundle), SAMPLES, TASKS, 1).problems[:1]
    assert "numbers that are not finite, first heads." in problem


def test_scores_that_overflow_are_found(tmp_path: Path) -> None:
    """Every weight is finite, and their sum is not."""
    bundle = tiny.bundle()
    with torch.no_grad():
        for name, parameter in bundle.network.named_parameters():
            if ".value.weight" in name:
                parameter.fill_(3e38)
    problems = smoke(saved(tmp_path, bundle), SAMPLES, TASKS, 1).problems
    assert any("menus: price: no finite score for " in problem for problem in problems)


def test_missing_tasks_are_named(tmp_path: Path) -> None:
    more = [*TASKS, TASKS[0].model_copy(update={"name": "mood"})]
    (problem,) = smoke(saved(tmp_path, tiny.bundle()), SAMPLES, more, 1).problems
    assert problem == "the columns of the predictions are not those of the tasks: mood, mood_score"


def test_whatever_keeps_it_from_loading_is_a_problem(tmp_path: Path) -> None:
    folder = saved(tmp_path, tiny.bundle())
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"labels": {}}), encoding="utf-8")
    (problem,) = smoke(folder, SAMPLES, TASKS, 1).problems
    assert "config.json: altered since the bundle was saved" in problem
    (problem,) = smoke(tmp_path / "nowhere", SAMPLES, TASKS, 1).problems
    assert "the bundle cannot score: FileNotFoundError" in problem


def test_a_batch_without_a_readable_document_proves_nothing(tmp_path: Path) -> None:
    blank = {"menus": pl.DataFrame({"doc_id": ["a"], "text": [" "]})}
    assert smoke(saved(tmp_path, tiny.bundle()), blank, TASKS, 1).problems == ["no document was predicted"]
    assert smoke(tmp_path / "bundle", {}, TASKS, 1).problems == ["no document was predicted"]


def test_labels_of_another_number_than_the_head_has_are_found(tmp_path: Path) -> None:
    bundle = tiny.bundle()
    spaces = bundle.labels | {"dish": bundle.labels["dish"][:1]}
    broken = replace(bundle, tasks=with_label_spaces(bundle.tasks, spaces))
    assert smoke(saved(tmp_path, broken), SAMPLES, TASKS, 1).problems
