"""The errors that a model was surest of, and the excerpts that show them."""

from typing import Any

import polars as pl

from mgm.evaluation.errors import confident_errors, excerpt
from mgm.tasks import Task


def rows(
    kind: str, true: list[Any], predicted: list[Any], scores: list[Any] | None
) -> tuple[pl.DataFrame, Task]:
    task = Task(name="t", kind=kind, corpora=["c"])
    columns = {
        "doc_id": [f"d{i}" for i in range(len(true))],
        "corpus": ["c"] * len(true),
        "lang": ["en"] * len(true),
        "prediction:t": pl.Series(predicted)
        if kind == "tagging"
        else pl.Series(predicted, dtype=task.column_type),
        "label:t": pl.Series(true, dtype=task.column_type),
    }
    return pl.DataFrame(columns if scores is None else columns | {"score:t": scores}), task


def surest(rows: pl.DataFrame, task: Task, count: int) -> pl.DataFrame:
    errors = confident_errors(rows, task, count=count)
    assert errors is not None
    return errors


def test_surest_errors_come_first_in_every_kind() -> None:
    frame, task = rows("classification", ["a", "a", "b", "b"], ["a", "b", "a", "a"], [0.99, 0.5, 0.9, 0.7])
    assert surest(frame, task, 2)["doc_id"].to_list() == ["d2", "d3"]
    frame, task = rows(
        "multilabel", [["a"], [], ["b"]], [["a", "b"], ["a"], ["b"]], [[0.9, 0.6], [0.8], [0.9]]
    )
    assert surest(frame, task, 9).select("doc_id", "predicted", "true", "score").rows() == [
        ("d1", "a", "no label", 0.8),
        ("d0", "b", "a", 0.6),
    ]
    frame, task = rows("regression", [1.0, 2.0, 3.0], [1.5, 2.0, 0.0], None)
    assert surest(frame, task, 9).select("doc_id", "score").rows() == [("d2", 3.0), ("d0", 0.5)]


def test_a_wrong_span_is_shown_beside_what_it_touches() -> None:
    span = {"start": 2, "end": 5, "label": "x"}
    far = {"start": 9, "end": 10, "label": "x"}
    predicted = [[{**span, "label": "y", "score": 0.5}, {**far, "score": 0.9}], [{**span, "score": 1.0}]]
    frame, task = rows("tagging", [[span], [span]], predicted, None)
    (error,) = surest(frame, task, 9).to_dicts()
    assert (error["doc_id"], error["predicted"], error["true"]) == ("d0", "x at 9–10", "no span here")
    frame, task = rows("tagging", [[span]], [predicted[0][:1]], None)
    (error,) = surest(frame, task, 9).to_dicts()
    assert (error["predicted"], error["true"]) == ("y at 2–5", "x at 2–5")


def test_excerpt_marks_the_span_in_code_points() -> None:
    text = "𠮷" * 200 + "按鈕" + "。" * 200
    before, marked, after = excerpt(text, 200, end=202)
    assert (marked.text, marked.mark) == ("按鈕", "predicted")
    assert before.text == "…" + "𠮷" * 90
    assert after.text == "。" * 90 + "…"
