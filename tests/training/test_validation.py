"""The metrics of early stopping, each against a count by another way."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import f1_score

from mgm.model.predict import predict
from mgm.tasks import with_label_spaces
from mgm.training.data import select_labelled_rows
from mgm.training.kinds import TASK_TRAINING, Pair
from mgm.training.validation import tune_decisions, validate
from tests import tiny_corpora

CONFIG = tiny_corpora.settings()
FEATURES, VOCABULARY, SPACES = tiny_corpora.prepared(CONFIG, tiny_corpora.corpora())
TASKS = with_label_spaces(CONFIG.active_tasks(), SPACES)
NETWORK = tiny_corpora.network(CONFIG, VOCABULARY, SPACES)
VALIDATION = select_labelled_rows(FEATURES, TASKS, splits=["valid"])
SHARES = {t.name: np.zeros(len(SPACES[t.name])) for t in TASKS if t.kind == "classification"}
METRICS = validate(NETWORK, VALIDATION, tasks=TASKS, tokens_per_batch=50)


def predicted(corpus: str) -> pl.DataFrame:
    """Predictions beside the truth of the rows that validation reads."""
    part = FEATURES[corpus][0]
    tuned = tune_decisions(NETWORK, VALIDATION, tasks=TASKS, log_priors=SHARES).thresholds
    found = predict(NETWORK, part, tasks=TASKS, thresholds=tuned, probs=True)
    truth = part.documents.select("split", pl.col("^label:.*$"))
    return pl.concat([found, truth], how="horizontal").filter(pl.col("split") == "valid")


def test_classification_is_macro_f1_over_the_training_labels() -> None:
    rows = predicted("menus").drop_nulls("label:dish")
    expected = f1_score(
        rows["label:dish"], rows["prediction:dish"], labels=SPACES["dish"], average="macro", zero_division=0
    )
    assert METRICS["dish"] == pytest.approx(expected)


def test_regression_is_pearson() -> None:
    rows = predicted("menus").drop_nulls("label:price")
    expected = np.corrcoef(rows["prediction:price"], rows["label:price"])[0, 1]
    assert METRICS["price"] == pytest.approx(expected, abs=1e-3)


def test_tagging_is_exact_span_f1() -> None:
    rows = predicted("menus").drop_nulls("label:keys")
    found = {
        (d, s["start"], s["end"], s["label"])
        for d, spans in rows.select("doc_id", "prediction:keys").rows()
        for s in spans
    }
    true = {
        (d, s["start"], s["end"], s["label"])
        for d, spans in rows.select("doc_id", "label:keys").rows()
        for s in spans
    }
    assert METRICS["keys"] == pytest.approx(2 * len(found & true) / (len(found) + len(true)))


def test_tuned_thresholds_reach_the_reported_micro_f1() -> None:
    """Tuned thresholds reach the micro f1 that validation reports."""
    rows = predicted("verses").drop_nulls("label:themes")
    pairs = list(rows.select("prediction:themes", "label:themes").iter_rows())
    hits = sum(len(set(p) & set(t)) for p, t in pairs)
    reached = 2 * hits / sum(len(p) + len(t) for p, t in pairs)
    assert reached >= METRICS["themes"] - 1e-9


def test_calibration_is_of_the_adjusted_predictions() -> None:
    """With the temperature and the precision that the same predictions give by themselves."""
    decisions = tune_decisions(NETWORK, VALIDATION, tasks=TASKS, log_priors=SHARES)
    assert decisions.calibrations.keys() == {"dish", "themes"}
    rows = predicted("menus").drop_nulls("label:dish")
    assert decisions.calibrations["dish"].predictions == rows.height
    rows = predicted("verses").drop_nulls("label:themes")
    assert decisions.calibrations["themes"].predictions == rows["prediction:themes"].list.len().sum()
    probs = np.random.default_rng(1).dirichlet(np.ones(3), 300)
    pair = Pair(predicted=probs, truth=(probs * [1, 1, 3]).argmax(1))
    kind = TASK_TRAINING["classification"]
    adjusted = kind.calibrate(pair, thresholds=None, adjustment=-np.log([1, 1, 3]))
    plain = kind.calibrate(pair, thresholds=None, adjustment=None)
    assert adjusted is not None and plain is not None
    assert adjusted.points[0][1:] == (300, 300), "of these all are right"
    assert plain.points[0].kept == 300 and plain.points[0].correct < 300


def test_a_task_without_a_validation_label_has_no_metric() -> None:
    only = [s for s in VALIDATION if s.corpus == "menus"]
    assert set(validate(NETWORK, only, tasks=TASKS)) == {"dish", "keys", "price"}
    tuned = tune_decisions(NETWORK, only, tasks=TASKS, log_priors=SHARES)
    assert tuned.thresholds["themes"].values.tolist() == [0.5] * 3
    assert set(tuned.adjustments) == {t.name for t in TASKS if t.kind == "classification"}
