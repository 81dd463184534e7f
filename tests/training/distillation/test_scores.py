"""Files of teachers' scores: what they come to, and every fault of theirs, named with its file, row, column and value."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, softmax

from mgm.tasks import Task
from mgm.training.distillation.scores import (
    average_teachers,
    has_target,
    label_agreement,
    read_scores,
    save_scores,
)
from mgm.training.kinds import TASK_TRAINING

DISH = Task(name="dish", kind="classification", corpora=["menus"], labels=("cake", "soup"))
THEMES = Task(name="themes", kind="multilabel", corpora=["verses"], labels=("故乡", "明月"))
PRICE = Task(name="price", kind="regression", corpora=["menus", "bills"])
MENUS = pl.DataFrame({"doc_id": ["m0", "m1", "m2", "m3"], "split": ["train", "valid", "train", "test"]})
VERSES = pl.DataFrame({"doc_id": ["v0", "v1"], "split": ["train", "train"]})
SCORES: dict[str, list[Any]] = {"doc_id": ["m2", "m0"], "logit:cake": [1.0, -2.0], "logit:soup": [0.0, 2.0]}


def probabilities(scores: np.ndarray, task: Task, temperature: float) -> np.ndarray:
    """A teacher's predictions by its scores."""
    return TASK_TRAINING[task.kind].teacher_predictions(scores, temperature)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scores.parquet"


def written(path: Path, columns: dict[str, Any]) -> Path:
    pl.DataFrame(columns).write_parquet(path)
    return path


def test_predictions_are_the_softmax_in_any_row_order(path: Path) -> None:
    """Answers are the softmax of the training documents wherever their rows stand."""
    scores = {
        "doc_id": ["m3", *SCORES["doc_id"]],
        "logit:soup": [9.0, 0.0, 2.0],
        "logit:cake": [0.0, 1.0, -2.0],
    }
    found = average_teachers(
        [written(path, scores | {"text": ["蛋糕", "x", "y"]})], DISH, documents={"menus": MENUS}
    )
    assert has_target(found).tolist() == [
        True,
        False,
        True,
        False,
    ]  # what it says of the test document is not used
    assert found[[0, 2]] == pytest.approx(softmax([[-2.0, 2.0], [1.0, 0.0]], axis=1), abs=1e-6)


def test_an_ensemble_is_the_mean_of_probabilities(
    tmp_path: Path,
) -> None:
    """An ensemble is the mean of probabilities over the files that score a document."""
    files = [
        written(
            tmp_path / "a.parquet", {"doc_id": ["v0", "v1"], "logit:故乡": [0.0, 3.0], "logit:明月": [1, -1]}
        ),
        written(tmp_path / "b.parquet", {"doc_id": ["v1"], "logit:明月": [5.0], "logit:故乡": [-3.0]}),
    ]
    found = average_teachers(files, THEMES, documents={"verses": VERSES})
    assert found[0] == pytest.approx(expit([0.0, 1.0]), abs=1e-6)
    assert found[1] == pytest.approx((expit([3.0, -1.0]) + expit([-3.0, 5.0])) / 2, abs=1e-6)


def test_a_temperature_softens_logits_and_leaves_values_alone() -> None:
    logits = np.array([[4.0, 0.0]], np.float32)
    assert probabilities(logits, DISH, 2.0) == pytest.approx(softmax([[2.0, 0.0]], axis=1), abs=1e-6)
    assert probabilities(logits, THEMES, 4.0) == pytest.approx(expit([[1.0, 0.0]]), abs=1e-6)
    assert probabilities(np.array([[7.5]], np.float32), PRICE, 4.0).tolist() == [7.5]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=2, max_size=5))
def test_probabilities_are_finite_whatever_the_logits(logits: list[float]) -> None:
    row = np.array([logits], np.float32)
    assert probabilities(row, DISH, 0.5).sum() == pytest.approx(1, abs=1e-5)
    sigmoid = probabilities(row, THEMES, 0.5)
    assert (sigmoid >= 0).all()
    assert (sigmoid <= 1).all()


def test_a_task_of_several_corpora_tells_equal_ids_apart(path: Path) -> None:
    documents = {"menus": MENUS, "bills": MENUS.with_columns(split=pl.lit("train"))}
    scores = {"corpus": ["bills", "menus", "bills"], "doc_id": ["m0", "m0", "m1"], "value": [1, 2, 3]}
    found = average_teachers([written(path, scores)], PRICE, documents=documents)
    assert found[has_target(found)].tolist() == [2.0, 1.0, 3.0]
    assert np.flatnonzero(has_target(found)).tolist() == [0, 4, 5]


def test_what_is_saved_is_read_back(path: Path) -> None:
    scores = pl.DataFrame({"corpus": ["menus"] * 2} | SCORES)
    logits = scores.select("logit:cake", "logit:soup").to_numpy()
    save_scores(path, scores, scores=logits, task=DISH)
    assert read_scores(path, DISH).equals(scores.with_columns(pl.col("^logit:.*$").cast(pl.Float32)))
    with pytest.raises(
        ValueError, match=r"scores\.parquet: scores of task 'dish', expected those of 'themes'"
    ):
        read_scores(path, THEMES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"doc_id": ["m2", "m9"]}, "row 2, column 'doc_id': value 'm9', expected a document that the features of corpus 'menus' hold; 1 of 2 rows"),
        ({"doc_id": ["m2", "m2"]}, "row 2, column 'doc_id': value 'm2' a second time, expected each document once"),
        ({"doc_id": ["m2", None]}, "row 2, column 'doc_id': value null, expected a string"),
        ({"doc_id": [2, 0]}, "column 'doc_id': type Int64, expected String"),
        ({"doc_id": None}, "no column 'doc_id', found logit:cake, logit:soup; expected doc_id and for task 'dish' logit:<label> for each of its 2 labels"),
        ({"logit:soup": None}, "column 'logit:soup' is missing (1 are); expected doc_id"),
        ({"logit:soup": None, "logit:soupe": [1, 2]}, "column 'logit:soupe': task 'dish' has no such label in training (did you mean 'logit:soup'?)"),
        ({"logit:cake": [0.0, float("inf")]}, "row 2, column 'logit:cake': value inf (doc_id 'm0'), expected a finite number"),
        ({"logit:cake": [1e300, 0.0]}, "row 1, column 'logit:cake': value inf (doc_id 'm2'), expected a finite number"),
        ({"logit:cake": [float("nan"), 0.0]}, "row 1, column 'logit:cake': value nan"),
        ({"logit:cake": [0.0, None]}, "row 2, column 'logit:cake': value None"),
        ({"logit:cake": ["0", "1"]}, "column 'logit:cake': type String, expected numbers"),
        ({"corpus": ["menus", "poems"]}, "row 2, column 'corpus': value 'poems', expected an enabled corpus of task 'dish': menus"),
    ],
)  # fmt: skip
def test_a_fault_is_named(path: Path, change: dict[str, Any], message: str) -> None:
    columns = {name: values for name, values in (SCORES | change).items() if values is not None}
    with pytest.raises(ValueError) as error:
        average_teachers([written(path, columns)], DISH, documents={"menus": MENUS})
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)


def test_scores_of_another_kind_of_task_are_refused(path: Path) -> None:
    written(path, SCORES | {"corpus": ["menus"] * 2})
    with pytest.raises(ValueError, match="'logit:cake': task 'price' has no such label in training"):
        read_scores(path, PRICE)
    with pytest.raises(
        ValueError, match="no column 'corpus'; expected one, since task 'price' has menus, bills"
    ):
        read_scores(written(path, {"doc_id": ["m0"], "value": [1.0]}), PRICE)


def test_no_file_and_no_parquet(path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"scores\.parquet: no such file; distillation\.teachers\.dish names it"
    ):
        read_scores(path, DISH)
    path.write_text("doc_id,logit:cake\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"scores\.parquet: not a Parquet file"):
        read_scores(path, DISH)


def test_agreement_with_the_labels() -> None:
    answers = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [np.nan, np.nan]], np.float32)
    assert label_agreement(answers, pl.Series([0, 1, 1, 1], dtype=pl.Int32), task=DISH) == pytest.approx(
        2 / 3
    )
    lists = pl.Series([[0], [0, 1], None, [0]], dtype=pl.List(pl.Int32))
    assert label_agreement(answers, lists, task=THEMES) == pytest.approx(2 * 2 / (2 + 3))
    values = np.array([1.0, 2.0, 4.0, np.nan], np.float32)
    price = pl.Series([10.0, 20.0, 40.0, 1.0], dtype=pl.Float32)
    assert label_agreement(values, price, task=PRICE) == pytest.approx(1)
    assert label_agreement(np.full(4, np.nan, np.float32), price, task=PRICE) is None
