"""The pretrained peer's training, with a tiny encoder in place of the pretrained one."""

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.peers import minilm
from benchmarks.peers.fine_tuning import STATE, FineTuning, Recipe
from benchmarks.peers.labelled_documents import Documents, collect
from benchmarks.peers.protocol import Benchmark
from benchmarks.peers.rows import load
from mgm.tasks import Task
from tests.benchmarks.workspace import make

RECIPE = Recipe(lr=0.02, epochs=3, batch=8, max_tokens=24, checkpoint_steps=2)


class Encoder(nn.Module):
    """Embeddings of characters and one layer, with dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace(hidden_size=16)
        self.word_embeddings = nn.Embedding(128, 16)
        self.layer = nn.Sequential(nn.Linear(16, 16), nn.Dropout(0.2), nn.GELU())

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        return SimpleNamespace(last_hidden_state=self.layer(self.word_embeddings(input_ids)))


def encoder() -> Encoder:
    torch.manual_seed(7)
    return Encoder()


def pieces(texts: list[str]) -> list[list[int]]:
    return [[ord(c) % 128 for c in text[: RECIPE.max_tokens]] for text in texts]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's folder with the features of the tiny corpora."""
    make(tmp_path)
    return tmp_path


def documents(folder: Path, *names: str) -> Documents:
    workspace = load(folder)
    return collect([workspace.rows(task) for task in workspace.tasks if task.name in names])


def training(own: Documents, folder: Path, recipe: Recipe = RECIPE) -> FineTuning:
    return FineTuning(encoder(), own, pieces(own.texts), recipe=recipe, seed=3, folder=folder)


class Killed(Exception):
    """Stands for the end of a process."""


def test_documents_are_there_once_with_the_labels_of_every_task(folder: Path) -> None:
    own = documents(folder, "dish", "price")
    ids = {doc_id for rows in own.rows.values() for doc_id in rows.table["doc_id"]}
    assert len(own.texts) == len(ids) and set(own.rows) == {"dish", "price"}
    for name, rows in own.rows.items():
        assert [own.texts[i] for i in own.place[name]] == rows.table["text"].to_list()
    targets = own.targets()
    assert targets["price"].is_known.sum() == len(own.place["price"])
    unlabelled = np.flatnonzero(~targets["dish"].is_known)[:2]
    assert targets["dish"].loss(torch.zeros(len(unlabelled), 3), unlabelled) == 0


def test_a_head_learns_each_task_and_the_best_epoch_is_kept(folder: Path, tmp_path: Path) -> None:
    own = documents(folder, "dish", "price")
    run = training(own, tmp_path / "state")
    before = run.network.encoder.word_embeddings.weight.clone()
    fitted = run.run()
    assert [line["epoch"] for line in fitted.epochs] == [1, 2, 3]
    assert fitted.epochs[-1]["loss"] < fitted.epochs[0]["loss"]
    best = max(line["selection"] for line in fitted.epochs)
    assert fitted.epochs[fitted.best_epoch - 1]["selection"] == best
    assert fitted.scored["dish"].metrics == fitted.epochs[fitted.best_epoch - 1]["valid"]["dish"]
    assert torch.equal(run.network.encoder.word_embeddings.weight, before)
    assert run.outcome("price", "test").shape == (own.rows["price"].of("test").sum(),)


@pytest.mark.parametrize("steps", [1, 5], ids=["before its first state", "within an epoch"])
def test_a_killed_training_ends_in_the_same_weights(folder: Path, tmp_path: Path, steps: int) -> None:
    own = documents(folder, "dish", "price")
    whole = training(own, tmp_path / "whole")
    whole.run()
    killed = training(own, tmp_path / "killed")
    step = killed._step

    def until(chosen: np.ndarray, *, total: int) -> None:
        if killed.steps == steps:
            raise Killed
        step(chosen, total=total)

    killed._step = until  # type: ignore[method-assign]
    with pytest.raises(Killed):
        killed.run()
    again = training(own, tmp_path / "killed")
    fitted = again.run()
    for name, weight in whole.network.state_dict().items():
        assert torch.equal(weight, again.network.state_dict()[name])
    assert [line["selection"] for line in fitted.epochs] == [line["selection"] for line in whole.epochs]


def test_the_state_of_another_recipe_is_not_taken_up(folder: Path, tmp_path: Path) -> None:
    own = documents(folder, "dish")
    training(own, tmp_path / "state").run()
    assert (tmp_path / "state" / STATE).is_file()
    other = Recipe(lr=0.01, epochs=1, batch=8, max_tokens=24)
    assert len(training(own, tmp_path / "state", other).run().epochs) == 1


def test_batches_have_every_document_once_by_like_length(folder: Path, tmp_path: Path) -> None:
    own = documents(folder, "dish")
    run = training(own, tmp_path / "state")
    rows = run._training_documents()
    first, second = run._batches(rows, 0), run._batches(rows, 1)
    assert sorted(np.concatenate(first)) == sorted(rows)
    assert [list(batch) for batch in first] != [list(batch) for batch in second]
    assert [list(batch) for batch in first] == [list(batch) for batch in run._batches(rows, 0)]
    spans = sorted((min(len(run.ids[i]) for i in b), max(len(run.ids[i]) for i in b)) for b in first)
    assert all(high <= low for (_, high), (low, _) in pairwise(spans))


def test_tasks_of_the_same_documents_are_trained_at_once() -> None:
    tasks = [
        Task(name="dish", kind="classification", corpora=["menus"]),
        Task(name="price", kind="regression", corpora=["menus"]),
        Task(name="keys", kind="tagging", corpora=["menus"]),
        Task(name="themes", kind="multilabel", corpora=["verses"]),
    ]
    joint = minilm.task_groups(tasks, joint=True)
    assert [[task.name for task in group] for group in joint] == [["dish", "price"]]
    single = minilm.task_groups(tasks, joint=False)
    assert [[task.name for task in group] for group in single] == [["dish"], ["price"], ["themes"]]


def test_units_are_of_the_documents_of_their_corpora(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recipe of a corpus is its own, and a task of --tasks chooses the group that it is in."""
    monkeypatch.setattr(minilm, "unavailable", lambda: None)
    sizes = {"epochs": {"menus": 2, "other": 1}, "max_tokens": {"other": 16}}
    raw = {"fine_tuning": {"lr": 0.001, "batch": 4} | sizes, "minutes": {"minilm": 1.0}}
    made = Benchmark(load(folder), raw, [1], few=False, work=tmp_path)
    (unit,) = made.units(["minilm-joint"], ["price"])
    assert (unit.part, [task.name for task in unit.tasks]) == ("menus", ["dish", "price"])
    assert [unit.part for unit in made.units(["minilm"], ["themes", "dish"])] == ["dish", "themes"]
    assert minilm.recipe(raw, ["menus"]).epochs == 2 and minilm.recipe(raw, ["verses"]).max_tokens == 16
