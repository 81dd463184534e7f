import polars as pl
import pytest

from mgm.evaluation.explanations.case_selection import confident_errors, sample, sample_right
from mgm.evaluation.explanations.kinds import explanation_of
from mgm.model.heads.tagging import PREDICTED_SPAN
from mgm.tasks import Task

KEYS = {
    "corpus": ["c"] * 4,
    "doc_id": list("abcd"),
    "group": list("ghij"),
    "lang": ["en"] * 4,
    "split": ["test"] * 4,
}


def predictions(rows: pl.DataFrame, kind: str) -> pl.DataFrame:
    return explanation_of(task(kind)).predictions(rows, task(kind))


def task(kind: str) -> Task:
    return Task(name="t", kind=kind, corpora=["c"])


def test_every_labelled_row_has_a_predicted_class() -> None:
    rows = pl.DataFrame(
        KEYS
        | {
            "prediction:t": ["x", "y", "x", "y"],
            "score:t": [0.9, 0.8, 0.7, 0.6],
            "label:t": ["x", "x", None, "x"],
        }
    )
    found = predictions(rows, "classification")
    assert found.select("doc_id", "predicted", "true", "right").rows() == [
        ("a", "x", "x", True),
        ("b", "y", "x", False),
        ("d", "y", "x", False),
    ]
    assert confident_errors(found, 1)["doc_id"].to_list() == ["b"]
    assert sample_right(found, task("classification"), count=5, seed=1)["doc_id"].to_list() == ["a"]


def test_every_label_of_a_set_is_a_prediction() -> None:
    rows = pl.DataFrame(
        KEYS
        | {
            "prediction:t": [["p", "q"], ["q"], [], ["p"]],
            "score:t": [[0.6, 0.9], [0.5], [], [0.7]],
            "label:t": [["p"], [], ["p"], None],
        },
        schema_overrides={"prediction:t": pl.List(pl.String), "score:t": pl.List(pl.Float32)},
    )
    found = predictions(rows, "multilabel")
    assert found.select("doc_id", "label", "true", "right").rows() == [
        ("a", "p", "p", True),
        ("a", "q", "p", False),
        ("b", "q", "no label", False),
    ]
    assert sample(found, task("multilabel"), count=9, seed=1).select("doc_id", "label").rows() == [
        ("a", "q"),
        ("b", "q"),
    ]


def test_of_spans_only_the_very_span_is_right() -> None:
    predicted = [
        [
            {"start": 0, "end": 4, "label": "k", "score": 0.5},
            {"start": 6, "end": 9, "label": "k", "score": 0.75},
        ]
    ]
    gold = [[{"start": 0, "end": 4, "label": "k"}, {"start": 6, "end": 8, "label": "k"}]]
    rows = pl.DataFrame({name: values[:1] for name, values in KEYS.items()}).with_columns(
        pl.Series("prediction:t", predicted, dtype=pl.List(PREDICTED_SPAN)),
        pl.Series(
            "label:t",
            gold,
            dtype=pl.List(pl.Struct({"start": pl.Int32, "end": pl.Int32, "label": pl.String})),
        ),
    )
    found = predictions(rows, "tagging")
    assert found.select("start", "end", "predicted", "score", "right").rows() == [
        (0, 4, "k at 0–4", 0.5, True),
        (6, 9, "k at 6–9", 0.75, False),
    ]


def test_of_values_the_closest_quarter_is_right() -> None:
    rows = pl.DataFrame(KEYS | {"prediction:t": [1.0, 2.0, 3.0, 4.0], "label:t": [1.1, 2.5, 2.0, 0.0]})
    found = predictions(rows, "regression")
    assert found["score"].to_list() == pytest.approx([0.1, 0.5, 1.0, 4.0])
    assert found["right"].to_list() == [True, False, False, False]
    assert confident_errors(found, 1).select("doc_id", "predicted", "true").rows() == [("d", "4.0", "0.0")]


def test_the_same_seed_draws_the_same_sample() -> None:
    rows = pl.DataFrame(
        {
            **{name: [f"{values[0]}{i:02d}" for i in range(50)] for name, values in KEYS.items()},
            "prediction:t": ["x"] * 50,
            "score:t": [0.5] * 50,
            "label:t": ["x"] * 50,
        }
    )
    found = predictions(rows, "classification")
    first, again, other = (
        sample(found, task("classification"), count=10, seed=seed)["doc_id"].to_list() for seed in (1, 1, 2)
    )
    assert first == again != other
    assert len(set(first)) == 10
