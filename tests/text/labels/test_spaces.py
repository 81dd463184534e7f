"""Label spaces: made from training, without rare labels."""

from pathlib import Path

import pytest

from mgm.text import labels
from tests.text.labels.examples import FRAME, KIND, TASKS

COUNTS = labels.count_labels([FRAME.head(2), FRAME.tail(4)], TASKS)


def test_spaces_come_from_train_without_rare_labels() -> None:
    assert labels.build_label_spaces(COUNTS, TASKS) == {
        "kind": ["a", "b"],
        "tags": ["x", "y"],
        "ner": ["LOC", "PER"],
    }
    assert labels.find_rare_labels(COUNTS, TASKS) == {"kind": [], "tags": ["rare"]}


def test_a_task_without_training_labels_is_an_error() -> None:
    with pytest.raises(ValueError, match="task 'kind': the train split of c has no label"):
        labels.build_label_spaces(labels.count_labels([FRAME.tail(2)], [KIND]), [KIND])


def test_spaces_survive_saving(tmp_path: Path) -> None:
    spaces = {"kind": ["中", "a"]}
    labels.save(spaces, tmp_path / "labels.json")
    assert labels.load(tmp_path / "labels.json") == spaces
