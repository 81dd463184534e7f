"""What a document is worth by each kind's measures."""

import numpy as np
import polars as pl
import pytest

from mgm.active_learning.kinds import LABEL, TASK_ACQUISITIONS
from mgm.model.heads.outcome import Tags
from mgm.tasks import Task

ONE = np.asarray(1.0)
WORDS = np.array([2, 2])


def task(kind: str, *labels: str) -> Task:
    return Task(name="t", kind=kind, corpora=["c"], labels=labels)


def probabilities(rows: list[list[float]], labels: list[object], of: Task) -> pl.DataFrame:
    return pl.DataFrame(
        {of.columns.probs: rows, LABEL: pl.Series(labels, dtype=of.column_type)},
        schema_overrides={of.columns.probs: pl.List(pl.Float32)},
    )


def test_a_small_margin_is_uncertain() -> None:
    role = task("classification", "app", "lib", "doc")
    found = TASK_ACQUISITIONS[role.kind].uncertainty(
        np.array([[0.5, 0.45, 0.05], [0.9, 0.05, 0.05]]), role, temperature=ONE, word_count=WORDS
    )
    assert found == pytest.approx([0.95, 0.15], abs=1e-3)


def test_temperature_calibrates_the_margin() -> None:
    """Of two classes the order stays; a temperature above 1 brings the probabilities together."""
    role = task("classification", "app", "lib")
    measures = TASK_ACQUISITIONS[role.kind]
    outcome = np.array([[0.9, 0.1]])
    cold, hot = (
        measures.uncertainty(outcome, role, temperature=np.asarray(t), word_count=WORDS[:1])
        for t in (1.0, 2.0)
    )
    assert cold == pytest.approx([0.2], abs=1e-3) and hot == pytest.approx([0.5], abs=1e-3)


def test_label_sets_by_the_expected_number_of_errors() -> None:
    themes = task("multilabel", "moon", "rain")
    found = TASK_ACQUISITIONS[themes.kind].uncertainty(
        np.array([[0.5, 0.9], [0.01, 0.99]]), themes, temperature=ONE, word_count=WORDS
    )
    assert found == pytest.approx([0.6, 0.02], abs=1e-3)


@pytest.mark.parametrize(
    ("kind", "outcomes"),
    [
        ("classification", ([[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]])),
        ("multilabel", ([[1.0, 0.5], [0.5, 0.5]], [[0.0, 0.5], [0.5, 0.5]])),
    ],
)
def test_parts_that_contradict_each_other(kind: str, outcomes: tuple[list[list[float]], ...]) -> None:
    """The divergence is one bit where each part is sure of something else, and 0 where they agree."""
    deep, wide = map(np.array, outcomes)
    found = TASK_ACQUISITIONS[kind].disagreement(deep, wide, task=task(kind, "a", "b"), word_count=WORDS)
    assert found == pytest.approx([1.0, 0.0])


def test_numbers_have_only_the_distance_of_the_parts() -> None:
    price = task("regression")
    measures = TASK_ACQUISITIONS[price.kind]
    outcome = np.array([1.0, 2.0])
    assert measures.uncertainty(outcome, price, temperature=ONE, word_count=WORDS) is None
    assert measures.disagreement(outcome, np.array([1.5, 2.0]), task=price, word_count=WORDS) == pytest.approx([0.5, 0])  # fmt: skip


def test_spans_by_the_words_tags() -> None:
    """A document's length alone makes it no more uncertain; only words in a span of either part can be disagreed on."""
    keys = task("tagging", "key")
    measures = TASK_ACQUISITIONS[keys.kind]
    tags = Tags(np.array([0, 1, 0, 0]), np.array([0.5, 0.5, 0.9, 0.9], np.float32))
    other = Tags(np.array([0, 0, 0, 0]), tags.score)
    found = measures.uncertainty(tags, keys, temperature=ONE, word_count=WORDS)
    assert found == pytest.approx([0.5, 0.1], abs=1e-3)
    assert measures.disagreement(tags, other, task=keys, word_count=WORDS) == pytest.approx([1.0, 0.0])


def test_all_labels_are_ranked_by_doubt() -> None:
    """Unknown labels first, then what confident learning suspects, then the rest by doubt: every row once."""
    role = task("classification", "app", "lib")
    rows = [[0.9, 0.1]] * 6 + [[0.1, 0.9]] * 6 + [[0.95, 0.05], [0.5, 0.5]]
    labels = ["app"] * 6 + ["lib"] * 6 + ["lib", "lbi"]
    doubts = TASK_ACQUISITIONS[role.kind].doubts(probabilities(rows, labels, role), role)
    assert sorted(doubts["row"]) == list(range(14))
    assert doubts.filter("is_suspected")["row"].to_list() == [12, 13]
    assert doubts["doubt"][0] == pytest.approx(0.9, abs=1e-3)


def test_doubt_about_a_label_set() -> None:
    themes = task("multilabel", "moon", "rain")
    rows = [[0.95, 0.05]] * 6 + [[0.05, 0.95]] * 6 + [[0.97, 0.02], [0.9, 0.1]]
    labels = [["moon"]] * 6 + [["rain"]] * 6 + [["rain"], ["sun"]]
    doubts = TASK_ACQUISITIONS[themes.kind].doubts(probabilities(rows, list(labels), themes), themes)
    assert set(doubts["row"].head(2)) == {12, 13} and doubts.height == 14


def test_an_outlying_number_is_suspected() -> None:
    price = task("regression")
    predicted = pl.DataFrame({price.columns.prediction: [1.0, 2.0, 3.0, 4.0, 5.0], LABEL: [1.1, 1.9, 3.1, 3.9, 9.0]})  # fmt: skip
    doubts = TASK_ACQUISITIONS[price.kind].doubts(predicted, price)
    assert doubts["row"][0] == 4 and doubts.filter("is_suspected")["row"].to_list() == [4]


def test_a_sure_span_that_was_not_given() -> None:
    keys = task("tagging", "key")
    span = {"start": 0, "end": 3, "label": "key"}
    predicted = pl.DataFrame(
        {
            keys.columns.prediction: [[span | {"score": 0.95}], [span | {"score": 0.95}], []],
            LABEL: [[], [span], [span]],
        },
        schema_overrides={LABEL: keys.column_type},
    )
    doubts = TASK_ACQUISITIONS[keys.kind].doubts(predicted, keys)
    assert doubts["row"].to_list() == [0, 2, 1] and doubts["doubt"].to_list() == [0.95, 0.5, 0.0]
    assert doubts["is_suspected"].to_list() == [True, False, False]
