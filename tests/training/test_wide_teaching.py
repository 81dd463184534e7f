"""The wide part learns from teachers' predictions beside labels, and from documents that have no label."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from scipy import sparse

from mgm.model.batch import NO_LABEL
from mgm.model.collate import collate
from mgm.model.heads import RegressionHead
from mgm.model.network import Network
from mgm.tasks import with_label_spaces
from mgm.text.features import FeaturePart
from mgm.training.data import TrainingData, select_labelled_rows
from mgm.training.kinds import TASK_TRAINING
from mgm.training.linear_models import LOGITS_PER_MARGIN, LinearModel, fit_ridge, with_columns
from mgm.training.loop import initialize_from_data
from mgm.training.wide_solver import SolvedTask, solve_wide
from mgm.training.wide_teaching import SoftTargets, blend_taught, solve_taught, tune_taught
from mgm.training.wide_tuning import WideMethod
from tests import tiny_corpora

CONFIG = tiny_corpora.settings()
FEATURES, VOCABULARY, SPACES = tiny_corpora.prepared(CONFIG, tiny_corpora.corpora())
TASKS = {task.name: task for task in with_label_spaces(CONFIG.active_tasks(), SPACES)}
METHOD = WideMethod(c=3.0, scaling="mean")


def problem() -> SoftTargets:
    """Ten documents of six n-grams: three labelled alone, three with a teacher's prediction too, four with that alone."""
    rng = np.random.default_rng(0)
    labels, predictions = rng.normal(size=(10, 2)), rng.normal(size=(10, 2))
    labels[6:], predictions[:3] = np.nan, np.nan
    features = sparse.csr_matrix(rng.uniform(size=(10, 6)))
    return SoftTargets(features=features, labels=labels, predictions=predictions)


@pytest.mark.parametrize("label_weight", [0.0, 0.25, 1.0])
def test_the_mean_of_two_solutions_is_that_of_mixed_targets(label_weight: float) -> None:
    own = problem()
    method = replace(METHOD, scaling="none", taught_weight=1.0, label_weight=label_weight)
    unused = LinearModel(weight=np.full((2, 6), 9.0), intercept=np.full(2, 9.0))
    model = blend_taught(unused, solve_taught(own, method=method), method=method)
    mixed = label_weight * own.labels + (1 - label_weight) * own.predictions
    mixed[:3], mixed[6:] = own.labels[:3], own.predictions[6:]
    expected = fit_ridge(own.features, mixed, c=3.0)
    assert model.weight == pytest.approx(expected.weight, abs=1e-3)
    assert model.intercept == pytest.approx(expected.intercept, abs=1e-3)


def test_the_weights_are_those_best_on_validation() -> None:
    """Outputs of a constant model each: the one that validation wants, or no teaching where nothing is better."""

    def constant(value: float) -> LinearModel:
        return LinearModel(weight=np.zeros((1, 2)), intercept=np.array([value]))

    features = sparse.csr_matrix((3, 2))

    def tuned(wanted: float) -> WideMethod:
        return tune_taught(
            constant(0.0),
            (constant(4.0), constant(8.0)),
            features=features,
            method=METHOD,
            score=lambda outputs: -float(np.abs(outputs - wanted).sum()),
        )

    assert tuned(0.0) == METHOD
    assert tuned(2.0) == replace(METHOD, taught_weight=0.5, label_weight=1.0)
    assert tuned(8.0) == replace(METHOD, taught_weight=1.0, label_weight=0.0)


def test_a_model_of_more_columns_ignores_the_new_ones() -> None:
    model = LinearModel(weight=np.array([[1.0, 2.0]], np.float32), intercept=np.array([3.0]))
    wider = with_columns(model, np.array([4, 9]), columns=np.array([2, 4, 5, 9]))
    assert wider.weight.tolist() == [[0, 1, 0, 2]] and wider.intercept is model.intercept


def test_labels_and_predictions_have_one_unit() -> None:
    """Margins of classes and labels between -1 and 1; values in standard deviations; a label that is not there stays NaN."""
    dish, themes, price = (TASK_TRAINING[TASKS[name].kind] for name in ("dish", "themes", "price"))
    head: Any = None
    values = dish.label_values(np.array([1, NO_LABEL]), 3)
    margins = dish.soft_outputs(values, head=head) / LOGITS_PER_MARGIN
    assert margins[0].tolist() == [-1, 1, -1] and np.isnan(margins[1]).all()
    assert (themes.soft_outputs(np.array([[0.5, 1.0]]), head=head) / LOGITS_PER_MARGIN).tolist() == [[0, 1]]
    head = RegressionHead(4)
    head.fit(torch.tensor([1.0, 3.0, 5.0]))
    assert price.soft_outputs(price.label_values(np.array([3.0, np.nan]), 1), head=head)[0] == 0


def solved(
    teacher: np.ndarray | None, *, has_validation: bool = True, **options: Any
) -> tuple[Network, SolvedTask]:
    """The wide part of dishes, with a teacher's prediction for each document of menus."""
    task = TASKS["dish"]
    (part,) = FEATURES["menus"]
    documents = part.documents
    if teacher is not None:
        column = pl.Series(task.columns.teacher, teacher.astype(np.float32), pl.Array(pl.Float32, 3))
        documents = documents.with_columns(column)
    parts = {"menus": [FeaturePart(documents, part.types)]}
    torch.manual_seed(1)
    network = Network(
        CONFIG.model,
        [task],
        vocabulary_size=len(VOCABULARY),
        ngram_buckets=CONFIG.text.features.ngram_buckets,
    )
    data = TrainingData(
        tasks=[task],
        train=select_labelled_rows(parts, [task], splits=["train"], with_teachers=True),
        validation=select_labelled_rows(parts, [task], splits=["valid"]) if has_validation else [],
    )
    initialize_from_data(network, data, tokens_per_batch=60)
    results: list[SolvedTask] = []
    solve_wide(network, data, tokens_per_batch=60, on_solved=results.append, **options)
    return network.eval(), results[0]


def of_unlabelled(network: Network) -> set[int]:
    """The classes of the training documents without a label."""
    (part,) = FEATURES["menus"]
    rows = part.documents.select(
        ((pl.col("split") == "train") & pl.col("label:dish").is_null()).arg_true()
    ).to_series()
    with torch.no_grad():
        outputs = network.wide_outputs(collate(part, rows.to_numpy().astype(np.int64)))["dish"]
    return set(outputs.numpy().argmax(1).tolist())


def test_a_teacher_decides_where_its_weight_is_known() -> None:
    """A teacher that says one class of all documents, once with the weights of an earlier fit, once tuned against it."""
    says_one = np.tile([0.0, 0.0, 1.0], (FEATURES["menus"][0].documents.height, 1))
    known = {"dish": replace(METHOD, taught_weight=1.0, label_weight=0.0)}
    network, result = solved(says_one, methods=known)
    assert of_unlabelled(network) == {2} and result.method == known["dish"]
    network, result = solved(says_one)  # validation knows better
    assert result.method is not None and not result.method.taught_weight
    assert of_unlabelled(network) != {2}
    _, result = solved(says_one, has_validation=False)
    assert result.method is not None and (result.method.taught_weight, result.method.label_weight) == (
        0.5,
        0.5,
    )


def test_without_teachers_nothing_changes() -> None:
    """No teacher, teaching switched off, or a teacher that an earlier fit did not learn from: the same weights."""
    teacher = np.tile([0.0, 0.0, 1.0], (FEATURES["menus"][0].documents.height, 1))
    unlearned = {"dish": WideMethod()}
    networks = [
        solved(teacher, is_taught=False)[0],
        solved(teacher, methods=unlearned)[0],
    ]
    first, second = (network.wide for network in networks)
    assert first is not None and second is not None
    assert torch.equal(first.words.weight, second.words.weight) and bool(first.words.weight.any())
