"""Labelled rows, and those without a prediction."""

import math

import pytest

from mgm.evaluation.predictions import select_labelled
from tests.evaluation.frames import frame, metrics, task

LABELS = ["诗", "news", "rare"]


@pytest.mark.parametrize(
    ("kind", "prediction"),
    [("classification", "诗"), ("tagging", []), ("regression", 1.0)],
    ids=["class", "spans", "number"],
)
def test_nothing_labelled_gives_no_value(kind: str, prediction: object) -> None:
    assert all(math.isnan(value) for value in metrics(kind, [None], [prediction], LABELS).values())


def test_a_labelled_row_without_prediction_is_named() -> None:
    with pytest.raises(ValueError, match=r"column prediction:t, doc_id .d0001.*1 rows lack one"):
        select_labelled(frame("classification", ["诗", "诗"], ["诗", None]), task("classification"))
    with pytest.raises(ValueError, match="found nan"):
        select_labelled(frame("regression", [1.0], [math.nan]), task("regression"))
