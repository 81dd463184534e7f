import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from mgm.evaluation.confusions import MAX_LABELS, OTHER_LABELS, confusions
from mgm.evaluation.kinds.tagging import NO_SPAN, OTHER_BOUNDS
from tests.evaluation.frames import frame, span, task

LABELS = ["cat", "rain", "猫"]


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from([*LABELS, "new"]), st.sampled_from(LABELS)), min_size=1, max_size=30)
)
def test_the_matrix_agrees_with_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    true, predicted = [list(side) for side in zip(*pairs, strict=True)]
    found = confusions(frame("classification", true, predicted), task("classification", LABELS))
    assert found is not None
    matrix = found["matrix"]
    assert matrix["rows"] == LABELS + (["new"] if "new" in true else [])
    assert matrix["columns"] == LABELS
    expected = confusion_matrix(true, predicted, labels=matrix["rows"])[:, :3]
    assert matrix["counts"] == expected.tolist()
    assert matrix["whole"]


def test_of_many_classes_the_confused_ones_are_shown() -> None:
    labels = [f"l{i:02d}" for i in range(40)]
    true = labels * 3 + ["l07"] * 9 + ["l30"] * 5
    predicted = labels * 3 + ["l11"] * 9 + ["l07"] * 5
    found = confusions(frame("classification", true, predicted), task("classification", labels))
    assert found is not None
    matrix = found["matrix"]
    assert not matrix["whole"]
    assert matrix["rows"] == ["l07", "l11", "l30", OTHER_LABELS]
    assert matrix["counts"] == [[3, 9, 0, 0], [0, 3, 0, 0], [5, 0, 3, 0], [0, 0, 0, 37 * 3]]
    assert len(matrix["rows"]) <= MAX_LABELS + 1
    assert [(p["actual"], p["predicted"], p["n"]) for p in found["pairs"]] == [
        ("l07", "l11", 9),
        ("l30", "l07", 5),
    ]


def test_examples_are_the_surest_of_a_confusion() -> None:
    rows = frame("classification", ["cat"] * 4, ["rain", "rain", "cat", "rain"], t_score=[0.5, 0.9, 1.0, 0.7])
    found = confusions(rows, task("classification", LABELS))
    assert found is not None
    (pair,) = found["pairs"]
    assert [(e["doc_id"], e["score"]) for e in pair["examples"]] == [("d0001", 0.9), ("d0003", 0.7)]


def test_a_set_confuses_what_it_misses_with_what_it_adds() -> None:
    rows = frame("multilabel", [["cat", "rain"], ["cat"], []], [["猫", "rain"], ["猫"], ["猫"]])
    found = confusions(rows, task("multilabel", LABELS))
    assert found is not None
    assert found["matrix"] is None
    (pair,) = found["pairs"]
    assert (pair["actual"], pair["predicted"], pair["n"]) == ("cat", "猫", 2)


def test_spans_are_confused_by_label_or_bounds() -> None:
    true = [[span(0, 2, "A"), span(4, 6, "A"), span(8, 9, "B")], [span(0, 1, "B")]]
    predicted = [[span(0, 2, "B", 1.0), span(4, 7, "A", 1.0)], [span(0, 1, "B", 1.0), span(5, 6, "A", 1.0)]]
    found = confusions(frame("tagging", true, predicted), task("tagging", ["A", "B"]))
    assert found is not None
    matrix = found["matrix"]
    assert matrix["rows"] == ["A", "B", OTHER_BOUNDS, NO_SPAN]
    assert matrix["columns"] == ["A", "B", OTHER_BOUNDS, NO_SPAN]
    assert matrix["counts"] == [[0, 1, 1, 0], [0, 1, 0, 1], [1, 0, 0, 0], [1, 0, 0, 0]]
    (example,) = next(p for p in found["pairs"] if p["predicted"] == "B")["examples"]
    assert (example["doc_id"], example["start"], example["end"]) == ("d0000", 0, 2)


def test_numbers_are_not_confused() -> None:
    assert confusions(frame("regression", [1.0], [2.0]), task("regression")) is None


@pytest.mark.parametrize("kind", ["classification", "multilabel", "tagging"])
def test_nothing_labelled_is_an_empty_matrix(kind: str) -> None:
    found = confusions(frame(kind, [None], [None]).clear(), task(kind, ["A"]))
    assert found is not None
    assert found["pairs"] == []
