"""Calibrated scores, and no label where it is not precise enough."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mgm import native
from mgm.bundle.bundle import Bundle
from mgm.bundle.load import load_bundle
from mgm.bundle.save import save_bundle
from mgm.evaluation.confidence import ClassPredictions
from mgm.inference.model import Model
from mgm.model.calibration import Calibration, PrecisionPoint, Temperatures, log_probabilities
from mgm.scoring.answers import AnswerOptions
from mgm.scoring.scorer import Scorer
from tests import tiny_corpora
from tests.kernel_library import kernel_library

TEXTS = pl.concat([frame.select("doc_id", "text") for frame in tiny_corpora.corpora().values()])
CALIBRATIONS = {
    "dish": Calibration(
        temperatures=Temperatures(common=1.7),
        predictions=100,
        points=(PrecisionPoint(0.3, 100, 60), PrecisionPoint(0.5, 40, 36)),
    ),
    "themes": Calibration(
        temperatures=Temperatures(common=1.0, labels=[0.5, 1.0, 2.0]),
        predictions=90,
        points=(PrecisionPoint(0.5, 90, 45), PrecisionPoint(0.6, 50, 48)),
    ),
}


@pytest.fixture(autouse=True, scope="module")
def kernels() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "LIBRARY", kernel_library())
        yield


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return replace(tiny_corpora.bundle(tiny_corpora.fast()), calibrations=CALIBRATIONS)


def predicted(bundle: Bundle, **options: Any) -> pl.DataFrame:
    scorer = Scorer(bundle, with_probs=options.pop("probs", False), options=AnswerOptions(**options))
    return scorer.score(TEXTS)[0]


def test_calibrated_scores_are_those_that_the_report_measures(bundle: Bundle) -> None:
    plain, found = predicted(bundle, probs=True), predicted(bundle, probs=True, calibrate=True)
    assert found["dish"].to_list() == plain["dish"].to_list()
    assert found["themes"].to_list() == plain["themes"].to_list()
    probs = np.array(plain["dish_probs"].to_list())
    measured = ClassPredictions(
        row=np.arange(len(probs)),
        logits=log_probabilities(probs),
        target=np.zeros(len(probs), np.int64),
        predicted=probs.argmax(1),
    )
    assert found["dish_score"].to_numpy() == pytest.approx(measured.confidence(1.7), abs=5.1e-5)
    assert found["dish_score"].to_list() == found["dish_probs"].list.max().to_list()
    assert found["price"].to_list() == plain["price"].to_list()


def test_labels_of_sets_have_the_temperature_of_their_own(bundle: Bundle) -> None:
    plain, found = predicted(bundle), predicted(bundle, calibrate=True)
    labels = next(task.labels for task in bundle.tasks if task.name == "themes")
    power = dict(zip(labels, (2.0, 1.0, 0.5), strict=True))
    pairs = 0
    for row in range(plain.height):
        for label, before, after in zip(
            plain["themes"][row], plain["themes_score"][row], found["themes_score"][row], strict=True
        ):
            odds = (before / (1 - before)) ** power[label]
            assert after == pytest.approx(odds / (1 + odds), abs=1e-4)
            pairs += 1
    assert pairs > 20


def test_below_the_least_score_there_is_no_label(bundle: Bundle) -> None:
    """A set keeps the labels that are sure enough; where none of some is, there is no set, as an empty one would say that there is none."""
    plain = predicted(bundle)
    several = plain["themes_score"].filter(plain["themes_score"].list.len() > 1)
    least = round(max(several[0]), 4)
    point = replace(CALIBRATIONS["themes"], points=(PrecisionPoint(least, 50, 48),))
    chosen = replace(bundle, calibrations=CALIBRATIONS | {"themes": point})
    found = predicted(chosen, abstain={"dish": 0.9, "themes": 0.95})
    sure = plain["dish_score"] >= 0.5
    assert 0 < sure.sum() < len(sure)
    assert found["dish"].to_list() == [
        label if is_sure else None for label, is_sure in zip(plain["dish"], sure, strict=True)
    ]
    assert found["dish_score"].to_list() == plain["dish_score"].to_list()
    kinds = set()
    for row in range(plain.height):
        scores = plain["themes_score"][row].to_list()
        kept = [
            label for label, s in zip(plain["themes"][row], scores, strict=True) if s >= np.float32(least)
        ]
        expected = kept if kept or not scores else None
        assert found["themes"].to_list()[row] == expected
        kinds.add((expected is None, len(kept) == len(scores)))
        assert found["themes_score"].list.len()[row] == (None if expected is None else len(expected))
    assert kinds >= {(False, False), (True, False)}


def test_calibration_moves_no_abstention(bundle: Bundle) -> None:
    abstain = {"dish": 0.9, "themes": 0.95}
    both, one = predicted(bundle, abstain=abstain, calibrate=True), predicted(bundle, abstain=abstain)
    assert_frame_equal(both.select("dish", "themes"), one.select("dish", "themes"))
    assert both["dish_score"].to_list() != one["dish_score"].to_list()


def test_kernels_and_torch_give_the_same_answers(bundle: Bundle) -> None:
    options = {"calibrate": True, "abstain": {"dish": 0.9, "themes": 0.95}}
    compiled = predicted(bundle, **options, probs=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "LIBRARY", native.LIBRARY.with_name("gone.so"))
        by_torch = predicted(bundle, **options, probs=True)
    assert_frame_equal(compiled, by_torch, abs_tol=3e-4, rel_tol=0)


def test_saved_bundle_answers_as_before(bundle: Bundle, tmp_path: Path) -> None:
    save_bundle(tmp_path / "bundle", bundle)
    loaded = load_bundle(tmp_path / "bundle")
    assert loaded.calibrations == CALIBRATIONS
    model = Model(loaded, AnswerOptions(calibrate=True, abstain={"dish": 0.9}))
    assert model.calibrated == {"dish": True, "themes": True}
    found = model.predict(TEXTS["text"], tasks="dish", proba=True)
    expected = predicted(bundle, calibrate=True, abstain={"dish": 0.9})
    assert found["dish"].to_list() == expected["dish"].to_list()
    assert found["dish_score"].to_list() == pytest.approx(expected["dish_score"].to_list(), abs=1e-4)


def test_task_without_a_temperature_stays_as_it_is(bundle: Bundle, caplog: pytest.LogCaptureFixture) -> None:
    without = replace(bundle, calibrations={"themes": CALIBRATIONS["themes"]})
    found = predicted(without, calibrate=True)
    assert found["dish_score"].to_list() == predicted(without)["dish_score"].to_list()
    assert "as validation determines no temperature: dish" in caplog.text
    scorer = Scorer(without, options=AnswerOptions(calibrate=True))
    assert scorer.answers.calibrated == {"dish": False, "themes": True}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (
            {"abstain": {"dsh": 0.9}},
            r"score.abstain.dsh: the bundle has no such task \(did you mean 'dish'\?\)",
        ),
        (
            {"abstain": {"price": 0.9}},
            r"score.abstain.price: a regression task has no probabilities to abstain by \(kinds that have: classification, multilabel\)",
        ),
        ({"abstain": {"dish": 1.0}}, "score.abstain.dish: 1.0: expected a precision above 0 and below 1"),
        (
            {"abstain": {"dish": 0.95}},
            "score.abstain.dish: 0.95: the highest precision on validation is 0.9000, of the 40 of 100 predictions with a score of "
            "0.5000 or more",
        ),
    ],
    ids=["unknown task", "no probabilities", "no share", "not reached"],
)
def test_what_cannot_be_answered_is_an_error(bundle: Bundle, options: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=f"^{error}"):
        Scorer(bundle, options=AnswerOptions(**options))


@pytest.mark.parametrize(
    "options", [{"calibrate": True}, {"abstain": {"dish": 0.9}}], ids=["calibrate", "abstain"]
)
def test_older_bundle_cannot_do_it(options: dict[str, Any], tmp_path: Path) -> None:
    folder = tiny_corpora.saved_bundle(tmp_path, tiny_corpora.fast())
    with pytest.raises(
        ValueError, match="has no temperatures, since an earlier version of mgm trained it; expected"
    ):
        Scorer.load(folder, options=AnswerOptions(**options))
    with pytest.raises(ValueError, match="has no temperatures"):
        Model.load(folder, options=AnswerOptions(**options))


def test_task_without_labels_in_validation_cannot_abstain(bundle: Bundle) -> None:
    with pytest.raises(ValueError, match=r"score.abstain.dish: 0.9: validation has no label of this task"):
        Scorer(replace(bundle, calibrations={}), options=AnswerOptions(abstain={"dish": 0.9}))


def test_task_that_the_bundle_lacks_is_left_out_of_a_night(
    bundle: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_bundle(tmp_path / "bundle", bundle)
    options = AnswerOptions(abstain={"dish": 0.9, "valence": 0.9})
    scorer = Scorer.load(tmp_path / "bundle", options=options, allows_missing=True)
    assert list(scorer.answers.least) == ["dish"]
    assert "score.abstain: the bundle has no task of this name: valence" in caplog.text
