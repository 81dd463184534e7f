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
    MIN_GAIN,
    best_wide_weight,
    tune_wide_weights,
)
from tests import tiny_corpora

CONFIG = tiny_corpora.settings()
FEATURES, VOCABULARY, SPACES = tiny_corpora.prepared(CONFIG, tiny_corpora.corpora())
TASKS = with_label_spaces(CONFIG.active_tasks(), SPACES)
VALIDATION = select_labelled_rows(FEATURES, TASKS, split="valid")
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


@pytest.mark.parametrize("task", [CLASS, LABELS], ids=lambda task: task.kind)
def test_the_weight_goes_to_the_part_that_is_right(task: Task) -> None:
    """The share goes to the part that is right and at a tie stays half."""

    def found(deep: list[list[float]], wide: list[list[float]]) -> float:
        logits = np.stack([np.array(deep, np.float32), np.array(wide, np.float32)], axis=1)
        return best_wide_weight(task, Pair(predicted=logits, truth=TRUTH[task.kind]))

    assert found(RIGHT, WRONG) == 0.35  # the least step that leaves the wrong part
    assert found(WRONG, RIGHT) == 0.65
    assert found((3 * np.array(WRONG)).tolist(), RIGHT) == 0.8
    assert found(RIGHT, RIGHT) == found(WRONG, WRONG) == 0.5


def test_a_share_that_gains_little_is_not_taken() -> None:
    truth = np.array([0, 1] * 200)
    logits = np.zeros((400, 2, 2), np.float32)
    logits[np.arange(400), :, truth] = 1.0
    for mistakes, expected in ((1, 0.5), (8, 0.65)):  # documents of which the deep part is wrong, and sure
        some = logits.copy()
        some[np.arange(mistakes), 0] = 1.5 * (1 - logits[np.arange(mistakes), 0])
        assert best_wide_weight(CLASS, Pair(predicted=some, truth=truth)) == expected


def test_the_tuned_weights_have_the_highest_metric() -> None:
    """The tuned shares are those with the highest metric that validation reports."""
    shares = tune_wide_weights(network(), VALIDATION, tasks=TASKS, tokens_per_batch=60)
    assert shares.keys() == {"dish", "price", "themes"}
    reached = {}
    for share in (DEFAULT_WEIGHT, *CANDIDATE_WEIGHTS):
        made = network()
        for task in shares:
            made.set_wide_weight(task, share)
        reached[share] = validate(made, VALIDATION, tasks=TASKS, tokens_per_batch=60)
    for task, share in shares.items():
        best = max(own[task] for own in reached.values())
        assert (
            reached[share][task] == best
            if share != DEFAULT_WEIGHT
            else reached[DEFAULT_WEIGHT][task] > best - MIN_GAIN
        )
    assert shares["dish"] != DEFAULT_WEIGHT, "or nothing is chosen"


def test_without_a_wide_part_or_a_label_nothing_is_chosen() -> None:
    assert tune_wide_weights(network(wide=False), VALIDATION, tasks=TASKS, tokens_per_batch=60) == {}
    menus = [source for source in VALIDATION if source.corpus == "menus"]
    assert tune_wide_weights(network(), menus, tasks=TASKS, tokens_per_batch=60)["themes"] == 0.5
