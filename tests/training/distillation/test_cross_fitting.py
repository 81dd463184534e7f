"""Folds of groups, the answers that are taken of each, and a linear teacher that would memorise."""

import numpy as np
import polars as pl
import pytest

from mgm.corpus.splits import split_of
from mgm.tasks import Task
from mgm.training.distillation.cross_fitting import (
    HELD_OUT,
    assign_folds,
    check_folds,
    combine_folds,
    has_labelled_group,
    hold_out,
)
from mgm.training.distillation.linear_teacher import teach_linear
from mgm.training.distillation.scores import label_agreement
from mgm.training.kinds import TASK_TRAINING

DISH = Task(name="dish", kind="classification", corpora=["menus"], labels=("cake", "soup", "鱼", "茶"))
THEMES = Task(name="themes", kind="multilabel", corpora=["verses"], labels=("月", "雨", "家", "酒"))
PRICE = Task(name="price", kind="regression", corpora=["menus"])
GROUPS = pl.Series("group", [f"楼{i // 2}" for i in range(400)])


def test_a_fold_is_of_whole_groups_of_every_split() -> None:
    folds = assign_folds(GROUPS, 5)
    assert (folds[::2] == folds[1::2]).all()
    sizes = np.bincount(folds[[split_of(g) == "train" for g in GROUPS]], minlength=5)
    assert sizes.min() > 25  # of 280: the split of a group says nothing of its fold
    longer = pl.concat([GROUPS, pl.Series("group", ["another"])])
    assert (assign_folds(longer, 5)[:400] == folds).all()


def test_only_training_documents_are_held_out() -> None:
    documents = GROUPS.to_frame().with_columns(split=pl.Series(["train", "valid"] * 200))
    splits = [hold_out(documents, fold=fold, count=4) for fold in range(4)]
    held_out = np.stack([(split == HELD_OUT).to_numpy() for split in splits])
    assert (held_out.sum(0) == (documents["split"] == "train").to_numpy()).all()
    assert all((split.filter(documents["split"] == "valid") == "valid").all() for split in splits)


def test_the_fold_answers_where_a_group_has_a_label() -> None:
    groups = pl.Series(["a", "a", "b", "c"])
    is_seen = has_labelled_group(groups, pl.Series([True, False, False, True]))
    assert is_seen.tolist() == [True, True, False, True]
    scores = [np.full((4, 2), 1.0), np.full((4, 2), 3.0)]
    answers = combine_folds(scores, folds=np.array([0, 0, 1, 1]), is_seen=is_seen)
    assert answers[:, 0].tolist() == [1.0, 1.0, 2.0, 3.0]
    with pytest.raises(ValueError, match="task dish: 3 labelled training documents, all of one of 5 folds"):
        check_folds(np.array([2, 2, 2]), 5, task="dish")


def truth_and_documents(task: Task, known: np.ndarray, column: pl.Series) -> pl.DataFrame:
    masked = pl.select(pl.when(pl.Series(known)).then(column)).to_series()
    return pl.DataFrame({"group": [f"g{i}" for i in range(len(known))], task.columns.label_ids: masked})


def test_a_linear_teacher_answers_all_rows_alike() -> None:
    """Vectors that point at the label: a row without one is answered like its neighbours; a label of no row is unlikely."""
    rng, truth = np.random.default_rng(0), np.arange(60) % 3
    vectors = (np.eye(3)[truth] + rng.normal(0, 0.1, (60, 3))).astype(np.float32)
    known = np.arange(60) % 5 != 0
    dish = truth_and_documents(DISH, known, pl.Series(truth, dtype=pl.Int32))
    taught = teach_linear(vectors, dish, task=DISH, num_folds=4)
    assert (taught.scores.argmax(1) == truth).all() and (taught.scores[:, 3] < -10).all()
    assert taught.quality == pytest.approx(
        (1 + 0.75) / 2
    )  # accuracy, and macro-F1 with a class of no document
    sets = pl.Series([sorted({int(t), 2}) for t in truth], dtype=pl.List(pl.Int32))
    taught = teach_linear(vectors, truth_and_documents(THEMES, known, sets), task=THEMES, num_folds=4)
    predicted = TASK_TRAINING[THEMES.kind].teacher_predictions(taught.scores, 1.0)
    assert label_agreement(predicted, sets, task=THEMES) == 1.0
    assert (taught.scores[:, 2] > 10).all() and (taught.scores[:, 3] < -10).all()
    price = truth_and_documents(PRICE, known, pl.Series(10.0 * truth, dtype=pl.Float32))
    taught = teach_linear(vectors, price, task=PRICE, num_folds=4)
    assert taught.scores.shape == (60, 1) and np.corrcoef(taught.scores[:, 0], truth)[0, 1] > 0.9


def test_a_linear_teacher_cannot_repeat_what_it_memorised() -> None:
    """A number of its own for each document: fitted on all, it would know every label; it never answers one it saw."""
    truth = np.random.default_rng(1).integers(0, 2, 80)
    documents = truth_and_documents(DISH, np.ones(80, bool), pl.Series(truth, dtype=pl.Int32))
    memory = np.eye(80, dtype=np.float32)
    model = TASK_TRAINING[DISH.kind].fit_dense(memory, truth, num_outputs=4, c=1000.0)
    assert ((memory @ model.weight.T + model.intercept).argmax(1) == truth).all()
    answers = teach_linear(memory, documents, task=DISH, num_folds=5).scores[:, :2]
    folds = assign_folds(documents["group"], 5)
    for fold in range(5):  # nothing tells the documents of a fold apart
        assert np.ptp(answers[folds == fold], axis=0) == pytest.approx([0, 0], abs=1e-4)


def test_copies_of_a_document_are_in_one_fold() -> None:
    """Pairs with one vector: a teacher that saw either would know the other."""
    truth = np.repeat(np.random.default_rng(2).integers(0, 2, 40), 2)
    documents = truth_and_documents(DISH, np.ones(80, bool), pl.Series(truth, dtype=pl.Int32))
    memory = np.repeat(np.eye(40, dtype=np.float32), 2, axis=0)
    apart = teach_linear(memory, documents, task=DISH, num_folds=5)
    paired = documents.with_columns(group=pl.Series([f"g{i // 2}" for i in range(80)]))
    together = teach_linear(memory, paired, task=DISH, num_folds=5)
    assert (apart.scores.argmax(1) == truth).mean() > 0.8
    assert (together.scores.argmax(1) == truth).mean() < 0.7
