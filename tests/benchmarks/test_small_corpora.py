"""The benchmark of small corpora: what is drawn, and when a difference is a win."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from benchmarks.peers.rows import Rows
from mgm.corpus.proposal import propose_training
from mgm.settings.model import ModelSettings
from mgm.settings.training import TrainSettings
from mgm.tasks import Task, with_label_spaces
from tests import tiny_corpora
from tests.benchmarks.loading import load_benchmark

FILE = Path(__file__).parents[2] / "benchmarks" / "small_corpora.py"
CONFIG = tiny_corpora.settings()
FEATURES, _, SPACES = tiny_corpora.prepared(CONFIG, tiny_corpora.corpora())
PARTS = {corpus: list(parts) for corpus, parts in FEATURES.items()}
DISH = next(task for task in with_label_spaces(CONFIG.active_tasks(), SPACES) if task.name == "dish")


@pytest.fixture(scope="module")
def small_corpora() -> Any:
    return load_benchmark(FILE)


def drawn(module: Any, seed: int) -> pl.DataFrame:
    parts = module.draw(PARTS, DISH, labels=6, test=2, seed=seed)
    assert list(parts) == DISH.corpora
    return pl.concat([part.documents for part in parts["menus"]])


def test_a_small_corpus_has_so_many_labels_of_each_split(small_corpora: Any) -> None:
    first = drawn(small_corpora, 1)
    assert dict(first["split"].value_counts().iter_rows()) == {"train": 6, "valid": 1, "test": 2}
    assert first[DISH.columns.label].null_count() == 0
    assert first["doc_id"].equals(drawn(small_corpora, 1)["doc_id"])
    assert set(first["doc_id"]) != set(drawn(small_corpora, 2)["doc_id"])


@pytest.mark.parametrize(
    ("mistakes", "expected"), [(0, "ties"), (40, "wins"), (-40, "losses")], ids=["same", "better", "worse"]
)
def test_a_win_is_an_interval_off_zero(small_corpora: Any, mistakes: int, expected: str) -> None:
    truth = np.arange(100) % 2
    task = Task(name="dish", kind="classification", corpora=["menus"])
    table = pl.DataFrame({task.columns.label_ids: truth, "lang": ["en"] * 100})
    right = np.eye(2)[truth]
    wrong = right.copy()
    wrong[: abs(mistakes)] = 1 - wrong[: abs(mistakes)]
    own, peer = (wrong, right) if mistakes < 0 else (right, wrong)
    small_corpora.RESAMPLES = 40
    found = small_corpora.difference(Rows(task, ["a", "b"], table), (own, None), (peer, None))
    assert found["mean"] == pytest.approx(mistakes / 100) and found["low"] <= found["mean"] <= found["high"]
    metrics = {"linear": {"accuracy": 0.5}, "mgm": {"accuracy": 0.9}}
    corpora = {"dish-100-1": metrics | {"classes": 2, "difference": found}}
    summary = small_corpora.summary(corpora)
    assert summary[expected] == 1 and summary["wins"] + summary["losses"] + summary["ties"] == 1
    assert small_corpora.table(corpora).splitlines()[-1].startswith("| dish-100-1 | 2 | 0.500 | 0.900 |")


def test_mgm_trains_as_a_new_project_of_so_many_rows(small_corpora: Any) -> None:
    own = tiny_corpora.settings()
    few = small_corpora.new_project_settings(own, 3_000, 7)
    proposed = propose_training(3_000)
    assert proposed and few.seed == 7
    assert {name: getattr(few.train, name) for name in proposed} == proposed
    assert few.model == ModelSettings() != own.model
    assert few.tasks == own.tasks
    assert small_corpora.new_project_settings(own, 50_000, 7).train == TrainSettings()


@pytest.mark.parametrize("given", ["", "0", "1500,few"], ids=["none", "zero", "a word"])
def test_numbers_of_labels_are_whole_and_above_0(small_corpora: Any, given: str) -> None:
    assert small_corpora.counts("1500,4000") == [1500, 4000]
    with pytest.raises(ValueError, match=r"--labels: found .*, expected whole numbers above 0"):
        small_corpora.counts(given)


def test_tasks_are_those_of_any_workspace(small_corpora: Any, tmp_path: Path) -> None:
    """A name that is a task of none is an error with the nearest name."""
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tiny_corpora.SETTINGS), encoding="utf-8")
    assert small_corpora.chosen_tasks([tmp_path], []) == {tmp_path: ["dish", "price", "themes"]}
    assert small_corpora.chosen_tasks([tmp_path], ["price"]) == {tmp_path: ["price"]}
    with pytest.raises(ValueError, match=r"--tasks: no task of documents 'dishes'.*dish"):
        small_corpora.chosen_tasks([tmp_path], ["dishes"])
