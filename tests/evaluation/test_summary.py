import json

import polars as pl
import pytest

from mgm.evaluation.kinds import evaluation_of
from mgm.evaluation.summary import summarize, summary_lines
from mgm.tasks import Task

TASK = Task(name="mood", kind="classification", corpora=["c"], labels=("bad", "good"))


def predictions() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "doc_id": list("abcdef"),
            "group": list("abcdef"),
            "lang": ["en", "en", "zh", "zh", "zh", "en"],
            "prediction:mood": ["good", "bad", "good", "bad", "bad", "bad"],
            "label:mood": ["good", "bad", "good", "good", "odd", None],
        }
    )


def test_entry_holds_metrics_interval_and_baseline() -> None:
    entry = summarize(predictions(), pl.Series(["good", "good", "bad"]), task=TASK, resamples=200, seed=1)
    assert (entry["n"], entry["unseen_labels"], entry["kind"], entry["corpora"]) == (
        5,
        1,
        "classification",
        ["c"],
    )
    assert entry["accuracy"] == 0.6
    assert entry["macro_f1"] == round((2 / 4 + 4 / 5) / 2, 4)
    assert entry["low"] <= entry["macro_f1"] <= entry["high"]
    assert entry["baseline"] == round((0 + 2 * 3 / (5 + 3)) / 2, 4)  # good, predicted of all five: 3 right
    assert entry["table"][0]["metric"] == "macro_f1"
    json.dumps(entry, allow_nan=False)


def test_no_label_gives_null() -> None:
    none = predictions().with_columns(pl.lit(None, pl.String).alias("label:mood"))
    entry = summarize(none, pl.Series(["good"]), task=TASK, resamples=10, seed=1)
    assert (entry["n"], entry["accuracy"], entry["low"]) == (0, None, None)
    assert "mood" in summary_lines({"mood": entry})[0]


def test_a_summary_line_has_value_interval_and_majority() -> None:
    entry = summarize(predictions(), pl.Series(["good"]), task=TASK, resamples=50, seed=1)
    (line,) = summary_lines({"mood": entry})
    for piece in (
        "mood",
        "macro_f1",
        "0.650",
        f"[{entry['low']:.3f}, {entry['high']:.3f}]",
        "majority 0.375",
        "n 5",
    ):
        assert piece in line


@pytest.mark.parametrize(
    ("kind", "train", "expected"),
    [
        ("classification", ["b", "a", "b", None], "b"),
        ("classification", ["b", "a"], "a"),
        ("regression", [1.0, 2.0, None], 1.5),
        ("tagging", [[{"start": 0, "end": 1, "label": "x"}]], []),
        # a on 4 of 4, b on 3, c on 1: {a} 2*4/(4+8), {a, b} 2*7/(8+8), {a, b, c} 2*8/(12+8)
        ("multilabel", [["a", "b", "c"], ["a", "b"], ["b", "a"], ["a"]], ["a", "b"]),
    ],
    ids=["class", "tied classes", "number", "spans", "label set"],
)
def test_majority_is_the_best_constant_answer_of_training(
    kind: str, train: list[object], expected: object
) -> None:
    task = Task(name="t", kind=kind, corpora=["c"])
    series = pl.Series(train, dtype=task.column_type)
    evaluation = evaluation_of(task)
    assert evaluation.majority_prediction(series, task) == expected
    empty = pl.DataFrame({"prediction:t": pl.Series([None, None], dtype=task.column_type)})
    ((name, rows),) = evaluation.predict_baselines(empty, series, task=task).items()
    assert name == "majority"
    assert rows["prediction:t"].to_list() == [expected, expected]


def test_majority_without_labels_is_a_clear_error() -> None:
    with pytest.raises(ValueError, match="task mood: no training row is labelled"):
        evaluation_of(TASK).majority_prediction(pl.Series([None], dtype=pl.String), TASK)
