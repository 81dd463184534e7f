"""The wide part's share in the logits of a task, chosen on validation."""

import numpy as np
import pytest
import torch

from mgm.model.collate import collate
from mgm.model.network import Network
from mgm.tasks import Task, with_label_spaces
from mgm.training.data import select_labelled_rows
from mgm.training.kinds import Pair
from mgm.training.validation import validate
from mgm.training.wide_weight import (
    CANDIDATE_WEIGHTS,
    DEFAULT_WEIGHT,
    LEAST_WEIGHT,
    PRIOR_DOCUMENTS,
    PRIOR_WEIGHT,
    best_wide_weight,
    tune_wide_weights,
    validate_best_mix,
)
from tests import tiny_corpora

CONFIG = tiny_corpora.settings()
FEATURES, VOCABULARY, SPACES = tiny_corpora.prepared(CONFIG, tiny_corpora.corpora())
TASKS = with_label_spaces(CONFIG.active_tasks(), SPACES)
VALIDATION = select_labelled_rows(FEATURES, TASKS, splits=["valid"])
CLASS = Task(name="genre", kind="classification", corpora=["c"], labels=("a", "b"))
LABELS = Task(name="genre", kind="multilabel", corpora=["c"], labels=("a", "b"))


def network(wide: bool = True) -> Network:
    """Not trained, and of a mind of its own in both parts."""
    torch.manual_seed(1)
    model = CONFIG.model.model_copy(update={"wide": CONFIG.model.wide.model_copy(update={"enabled": wide})})
    made = Network(
        model, TASKS, vocabulary_size=len(VOCABULARY), ngram_buckets=CONFIG.text.features.ngram_buckets
    )
    if made.wide is not None:
        torch.nn.init.normal_(made.wide.words.weight)
        torch.nn.init.normal_(made.wide.characters.weight)
        torch.nn.init.normal_(made.wide.bias)
    return made.eval()


def test_the_wide_weight_changes_one_tasks_outputs() -> None:
    """The logits are the shares of both parts and other tasks stay."""
    made = network()
    batch = collate(FEATURES["menus"][0], np.arange(6))
    with torch.no_grad():
        before, (deep, wide) = made(batch), made.branch_outputs(batch)
        made.set_wide_weight("dish", 0.8)
        made.set_wide_weight("themes", 0.5)
        after = made(batch)
    torch.testing.assert_close(after["dish"], 0.2 * deep["dish"] + 0.8 * wide["dish"])
    for task in ("price", "keys", "themes"):
        torch.testing.assert_close(after[task], before[task])


RIGHT, WRONG = [[2.0, 0.0], [0.0, 2.0]], [[0.0, 2.0], [2.0, 0.0]]
TRUTH = {"classification": np.array([0, 1]), "multilabel": np.array([[True, False], [False, True]])}
TIMES = 1000
"""Repeats of these two documents: with so many the prior decides ties alone."""


@pytest.mark.parametrize("task", [CLASS, LABELS], ids=lambda task: task.kind)
def test_the_weight_goes_to_the_part_that_is_right(task: Task) -> None:
    """The share goes to the part that is right, and of equally good ones the nearest to the prior is taken."""

    def found(deep: list[list[float]], wide: list[list[float]]) -> float:
        logits = np.stack([np.array(deep, np.float32), np.array(wide, np.float32)], axis=1)
        pair = Pair(
            predicted=np.tile(logits, (TIMES, 1, 1)), truth=np.concatenate([TRUTH[task.kind]] * TIMES)
        )
        return best_wide_weight(task, pair)

    assert found(RIGHT, WRONG) == 0.4  # the least step that leaves the wrong part
    assert found(WRONG, RIGHT) == 0.8
    assert found((3 * np.array(WRONG)).tolist(), RIGHT) == 0.8
    assert found((100 * np.array(WRONG)).tolist(), RIGHT) == 1 - LEAST_WEIGHT
    assert found(RIGHT, (100 * np.array(WRONG)).tolist()) == LEAST_WEIGHT
    assert found(RIGHT, RIGHT) == found(WRONG, WRONG) == PRIOR_WEIGHT


@pytest.mark.parametrize(("times", "expected"), [(1, PRIOR_WEIGHT), (100, 0.5)], ids=["few", "many"])
def test_few_documents_do_not_move_the_weight(times: int, expected: float) -> None:
    """The deep part is right about one document of twenty more: that of twenty is chance, and of two thousand is not."""
    truth = np.arange(20) % 2
    deep = np.eye(2, dtype=np.float32)[truth]
    wide = deep.copy()
    wide[0] = 1 - wide[0]
    pair = Pair(predicted=np.tile(np.stack([deep, wide], axis=1), (times, 1, 1)), truth=np.tile(truth, times))
    assert best_wide_weight(CLASS, pair) == expected


def test_accuracy_counts_beside_macro_f1() -> None:
    """A part that finds one more document of a rare class and loses several others has the better macro-F1 alone."""
    truth = np.array([0] * 97 + [1] * 3)
    deep, wide = (np.zeros((100, 2), np.float32) for _ in range(2))
    wide[:, 0] = 1.0  # never the rare class
    deep[np.arange(100), truth] = 5.0
    deep[:90] = [[0.0, 5.0]]  # nearly always
    pair = Pair(predicted=np.stack([deep, wide], axis=1), truth=truth)
    weight = best_wide_weight(CLASS, pair)
    mixed = (1 - weight) * deep + weight * wide
    assert (mixed.argmax(axis=1) == truth).mean() >= 0.97


def test_the_tuned_weights_have_the_highest_metric() -> None:
    """They have the best score less the prior's part, for values and sets of labels the metric that validation reports.

    An epoch is judged by the metrics with these weights; tagging by that with the default one.
    """
    shares = tune_wide_weights(network(), VALIDATION, tasks=TASKS, tokens_per_batch=60)
    assert shares.keys() == {"dish", "price", "themes", "keys"}
    reached = {}
    for share in CANDIDATE_WEIGHTS:
        made = network()
        for task in shares:
            made.set_wide_weight(task, share)
        reached[share] = validate(made, VALIDATION, tasks=TASKS, tokens_per_batch=60)
    epoch = validate_best_mix(network(), VALIDATION, tasks=TASKS, tokens_per_batch=60)
    assert list(epoch) == [task.name for task in TASKS], "in the order of the tasks"
    for task in TASKS:
        weight = shares[task.name] if task.name != "keys" else DEFAULT_WEIGHT
        assert epoch[task.name] == pytest.approx(reached[weight][task.name], abs=1e-6)
        if task.name not in ("price", "themes"):
            continue
        n = sum(s.labels_of(task).count() for s in VALIDATION if s.labelled_tasks([task]))
        scores = {
            share: metrics[task.name] - PRIOR_DOCUMENTS / n * (share - PRIOR_WEIGHT) ** 2
            for share, metrics in reached.items()
        }
        assert scores[shares[task.name]] == pytest.approx(max(scores.values()))
    assert set(shares.values()) != {DEFAULT_WEIGHT}, "or nothing is chosen"


def test_without_a_wide_part_or_a_label_nothing_is_chosen() -> None:
    assert tune_wide_weights(network(wide=False), VALIDATION, tasks=TASKS, tokens_per_batch=60) == {}
    menus = [source for source in VALIDATION if source.corpus == "menus"]
    assert tune_wide_weights(network(), menus, tasks=TASKS, tokens_per_batch=60)["themes"] == 0.5
