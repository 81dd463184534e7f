"""The linear baseline is the wide part as it was solved for, whatever training does to it afterwards."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mgm.model.collate import collate
from mgm.model.linear_baseline import LinearBaseline, decode_linear
from mgm.model.network import Network
from mgm.model.thresholds import untuned
from mgm.tasks import with_label_spaces
from mgm.training.data import select_labelled_rows
from mgm.training.fit import fit, plan_training
from mgm.training.linear_baseline import linear_baselines, tune_linear
from mgm.training.validation import Decisions
from mgm.training.wide_solver import solve_wide
from tests import tiny_corpora

CONFIG = tiny_corpora.settings(epochs=1)
FEATURES, VOCABULARY, SPACES = tiny_corpora.prepared(CONFIG, tiny_corpora.corpora())
TASKS = with_label_spaces(CONFIG.active_tasks(), SPACES)
DISH = next(task for task in TASKS if task.name == "dish")
VALIDATION = select_labelled_rows(FEATURES, TASKS, splits=["valid"])
LOG_PRIOR = np.log(np.arange(1, 1 + len(DISH.labels), dtype=np.float32) / 10)


def network() -> Network:
    torch.manual_seed(1)
    made = Network(
        CONFIG.model,
        TASKS,
        vocabulary_size=len(VOCABULARY),
        ngram_buckets=CONFIG.text.features.ngram_buckets,
    )
    assert made.wide is not None
    torch.nn.init.normal_(made.wide.words.weight)
    torch.nn.init.normal_(made.wide.bias)
    return made.eval()


def test_scale_and_adjustment_are_undone() -> None:
    """The baseline has the outputs from before, with an adjustment of its own."""
    made, batch = network(), collate(FEATURES["menus"][0], np.arange(6))
    before = {task: outputs.clone() for task, outputs in made.wide_outputs(batch).items()}
    decisions = Decisions(
        thresholds={},
        adjustments={"dish": 0.4},
        wide_weights={"dish": 0.8, "price": 0.2},
        linear=Decisions(thresholds={}, adjustments={"dish": 0.15}),
    )
    for task, weight in decisions.wide_weights.items():
        made.set_wide_weight(task, weight)
    made.add_logit_bias("dish", torch.from_numpy(-0.4 * LOG_PRIOR))
    baselines = linear_baselines(made, TASKS, decisions=decisions, log_priors={"dish": LOG_PRIOR})
    after = made.wide_outputs(batch)
    expected = before | {"dish": before["dish"] - torch.from_numpy(0.15 * LOG_PRIOR)}
    assert baselines.keys() == {"dish", "price", "themes"}
    for task, baseline in baselines.items():
        torch.testing.assert_close(baseline.outputs(after[task]), expected[task])


def test_a_trained_bundle_still_holds_the_solved_model() -> None:
    """Training changes no solved weight: the baseline predicts what the weights did before the first epoch."""
    plan = plan_training(CONFIG, TASKS, parts=FEATURES, vocabulary_size=len(VOCABULARY))
    fitted = fit(plan, CONFIG)
    fresh = plan_training(CONFIG, TASKS, parts=FEATURES, vocabulary_size=len(VOCABULARY))
    wide = fresh.network.wide
    assert wide is not None and fitted.network.wide is not None
    wide.load_state_dict(fitted.network.wide.state_dict())  # the document frequencies
    for table in (wide.words.weight, wide.characters.weight, wide.bias):
        torch.nn.init.zeros_(table)
    for (
        name,
        head,
    ) in fresh.network.heads.items():  # the scale of values, which is set before the problem is solved
        head.load_state_dict(fitted.network.heads[name].state_dict())
    solve_wide(fresh.network, fresh.data, tokens_per_batch=60)
    batch = collate(FEATURES["verses"][0], np.arange(9))
    solved, trained = fresh.network.wide_outputs(batch), fitted.network.wide_outputs(batch)
    for task, baseline in fitted.linear_baselines.items():
        if baseline.logit_bias is None:
            torch.testing.assert_close(baseline.outputs(trained[task]), solved[task], atol=1e-5, rtol=1e-4)
    linear = fitted.decisions.linear
    assert linear is not None and fitted.linear_baselines["themes"].thresholds == linear.thresholds["themes"]


def test_decisions_are_tuned_for_ngrams_alone() -> None:
    """A deep branch that is certain of one class does not move them."""
    made = network()
    before = tune_linear(made, VALIDATION, tasks=TASKS, log_priors={"dish": LOG_PRIOR}, tokens_per_batch=60)
    made.heads["dish"].add_logit_bias(torch.tensor([50.0] + [0.0] * (len(DISH.labels) - 1)))
    after = tune_linear(made, VALIDATION, tasks=TASKS, log_priors={"dish": LOG_PRIOR}, tokens_per_batch=60)
    assert before == after
    assert before.thresholds.keys() == {"themes"} and before.adjustments.keys() == {"dish"}


def test_without_validation_labels_or_a_wide_part_nothing_is_tuned() -> None:
    tuned = tune_linear(network(), [], tasks=TASKS, log_priors={"dish": LOG_PRIOR}, tokens_per_batch=60)
    assert tuned.adjustments == {"dish": 0.0}
    assert tuned.thresholds == {"themes": untuned(len(SPACES["themes"]))}
    bare = network()
    bare.wide = None
    none = tune_linear(bare, VALIDATION, tasks=TASKS, log_priors={}, tokens_per_batch=60)
    assert linear_baselines(bare, TASKS, decisions=replace(none, linear=none), log_priors={}) == {}


def test_predictions_do_not_depend_on_batches() -> None:
    made, rows = network(), np.array([5, 0, 3, 11, 2])
    part = FEATURES["menus"][0]
    baselines = {"dish": LinearBaseline(factor=0.5, logit_bias=LOG_PRIOR.tolist())}
    few, many = (
        decode_linear(made, part, rows=rows, tasks=[DISH], baselines=baselines, tokens_per_batch=size)["dish"]
        for size in (1, 10_000)
    )
    assert isinstance(few, np.ndarray) and isinstance(many, np.ndarray)
    assert few == pytest.approx(many, abs=1e-6)
    with torch.no_grad():
        wide = made.wide_outputs(collate(part, rows))["dish"]
    expected = (0.5 * wide + torch.from_numpy(LOG_PRIOR)).softmax(1).numpy()
    assert many == pytest.approx(expected, abs=1e-6)


def test_a_baseline_survives_json() -> None:
    for baseline in (
        LinearBaseline(),
        LinearBaseline(factor=0.625, logit_bias=[0.5, -1.0], thresholds=untuned(2)),
    ):
        assert LinearBaseline.from_json(baseline.to_json()) == baseline
