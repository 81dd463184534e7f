"""The measures of a network for the tiny corpora, and the doubt about their labels."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from mgm.active_learning import labelled
from mgm.active_learning.labelled import LabelledDocuments
from mgm.active_learning.measures import MeasuredModel
from mgm.model.calibration import Calibration, Temperatures
from mgm.text.features import FeaturePart
from tests import tiny_corpora

CONFIG = tiny_corpora.settings()
FEATURES, _, _ = tiny_corpora.prepared(CONFIG, tiny_corpora.corpora())
BUNDLE = tiny_corpora.bundle(CONFIG)
TASKS = {task.name: task for task in BUNDLE.tasks}
CORPUS = {"dish": "menus", "price": "menus", "keys": "menus", "themes": "verses"}


def part_of(task: str) -> FeaturePart:
    return FEATURES[CORPUS[task]][0]


@pytest.mark.parametrize("task", ["dish", "price", "keys", "themes"])
def test_every_kind_is_measured_and_its_labels_are_doubted(task: str) -> None:
    model, part = MeasuredModel.of(BUNDLE, TASKS[task]), part_of(task)
    measured = model.measure(part)
    assert measured.table["doc_id"].equals(part.documents["doc_id"])
    assert measured.table["uncertainty"].is_null().all() == (task == "price")
    assert measured.table["disagreement"].is_not_null().all()
    documents = LabelledDocuments(model)
    labels = part.documents[TASKS[task].columns.label]
    documents.add(part, measured, labels=labels)
    doubts = documents.doubts()
    assert doubts is not None and doubts.height == len(labels.drop_nulls())


def test_without_labels_there_is_no_doubt() -> None:
    assert LabelledDocuments(MeasuredModel.of(BUNDLE, TASKS["dish"])).doubts() is None


def test_one_branch_that_decides_alone_has_nobody_to_contradict() -> None:
    model = MeasuredModel(network=BUNDLE.network, task=TASKS["dish"], wide_weight=1.0)
    assert model.measure(part_of("dish")).table["disagreement"].is_null().all()


def test_vectors_have_length_one_and_the_order_of_the_documents() -> None:
    model, part = MeasuredModel.of(BUNDLE, TASKS["dish"]), part_of("dish")
    vectors = model.vectors(part)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(part.documents.height), abs=1e-5)
    reversed_part = FeaturePart(part.documents.reverse(), part.types)
    assert model.vectors(reversed_part) == pytest.approx(vectors[::-1], abs=1e-5)


def test_wrong_labels_are_found_by_models_that_have_not_seen_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network is untrained: what finds the wrong label is the n-grams of the other documents."""
    monkeypatch.setattr(labelled, "MIN_DOCUMENTS", 10)
    monkeypatch.setattr(labelled, "MIN_HELD_OUT", 10)
    task, part = TASKS["dish"], part_of("dish")
    right = part.documents[task.columns.label]
    place = right.is_not_null().arg_true()[4]
    wrong = next(label for label in task.labels if label != right[place])
    labels = pl.Series([wrong if i == place else label for i, label in enumerate(right)], dtype=pl.String)
    model = MeasuredModel.of(BUNDLE, task)
    documents = LabelledDocuments(model)
    documents.add(part, model.measure(part), labels=labels)
    doubts = documents.doubts()
    assert doubts is not None
    assert doubts["row"][0] == labels.is_not_null().arg_true().to_list().index(place)
    assert doubts["is_suspected"][0]


def test_margins_are_calibrated_by_what_the_bundle_has_stored() -> None:
    temperatures = Temperatures(common=3.0, labels=None)
    calibration = Calibration(temperatures=temperatures, predictions=9, points=())
    calibrated = replace(BUNDLE, calibrations={"dish": calibration})
    plain, scaled = (
        MeasuredModel.of(bundle, TASKS["dish"]).measure(part_of("dish")).table["uncertainty"]
        for bundle in (BUNDLE, calibrated)
    )
    assert (scaled > plain).all()
