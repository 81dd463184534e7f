"""Labels: spaces from train, rare and unseen labels, BIO tags."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.tasks import TASK_KINDS, Task
from mgm.text import labels
from mgm.text.subwords import Subwords


def task(name: str, kind: str, **more: Any) -> Task:
    return Task(name=name, kind=kind, corpora=["c"], **more)


KIND = task("kind", "classification", min_count=2, rare="null")
TAGS = task("tags", "multilabel", min_count=2, rare="null")
VALUE = task("value", "regression")
NER = task("ner", "tagging")
TITLE = task("title", "generation")
TASKS = [KIND, NER, TAGS, TITLE, VALUE]


def span(start: int, end: int, label: str) -> dict[str, Any]:
    return {"start": start, "end": end, "label": label}


FRAME = pl.DataFrame(
    {
        "split": ["train", "train", "train", "train", "test", "test"],
        "kind": ["b", "a", "b", "a", "new", None],
        "tags": [["y", "x"], ["x", "y"], ["rare", "x"], [], ["new", "y"], None],
        "value": [1.0, None, 2.0, 3.0, 4.0, 5.0],
        "title": ["t"] * 6,
        "ner": [
            [span(0, 5, "LOC")],
            [],
            None,
            [span(2, 3, "PER")],
            [span(0, 1, "new"), span(2, 3, "LOC")],
            None,
        ],
        "start": [[0, 2, 4]] * 6,
        "end": [[1, 3, 5]] * 6,
    },
    schema_overrides={t.name: TASK_KINDS[t.kind].column_type for t in TASKS},
)
COUNTS = labels.count_labels([FRAME.head(2), FRAME.tail(4)], TASKS)


def test_spaces_come_from_train_without_rare_labels() -> None:
    assert labels.build_label_spaces(COUNTS, TASKS) == {
        "kind": ["a", "b"],
        "tags": ["x", "y"],
        "ner": ["LOC", "PER"],
    }
    assert labels.rare_labels(COUNTS, TASKS) == {"kind": [], "tags": ["rare"]}


def test_encoded_columns() -> None:
    encoded = labels.encode(FRAME, TASKS, labels.build_label_spaces(COUNTS, TASKS))
    assert encoded["kind__y"].to_list() == [1, 0, 1, 0, labels.UNSEEN, None]
    assert encoded["tags__y"].to_list() == [[0, 1], [0, 1], [0], [], [1], None]
    assert encoded["value__y"].to_list() == FRAME["value"].to_list()
    assert encoded["ner__y"].to_list() == [[1, 2, 2], [0, 0, 0], None, [0, 3, 0], [0, 1, 0], None]
    assert "title__y" not in encoded.columns
    subwords = Subwords.train(["t"], 300)
    written = labels.encode(FRAME, [TITLE], {}, subwords)["title__y"]
    assert written.to_list() == subwords.targets(FRAME["title"]).to_list()
    assert [encoded.schema[t.encoded] for t in (KIND, TAGS, NER, VALUE)] == [
        pl.Int32, pl.List(pl.Int32), pl.List(pl.Int16), pl.Float32,
    ]  # fmt: skip


def test_unseen_labels_are_counted() -> None:
    spaces = labels.build_label_spaces(COUNTS, TASKS)
    frame = labels.drop_rare(FRAME, TASKS, labels.rare_labels(COUNTS, TASKS))
    assert labels.unseen(frame, TASKS, spaces) == {"kind": 1, "ner": 1, "tags": 1}


def test_rare_labels_become_null_or_leave_their_list() -> None:
    frame = labels.drop_rare(FRAME, TASKS, {"kind": ["a"], "tags": ["rare"], "ner": ["LOC"]})
    assert frame["kind"].to_list() == ["b", None, "b", None, "new", None]
    assert frame["tags"].to_list()[2:4] == [["x"], []] and frame["tags"][5] is None
    assert frame["ner"].to_list()[:3] == [[], [], None] and frame.schema == FRAME.schema


def test_a_task_without_training_labels_is_an_error() -> None:
    with pytest.raises(ValueError, match="task 'kind': the train split of c has no label"):
        labels.build_label_spaces(labels.count_labels([FRAME.tail(2)], [KIND]), [KIND])


def test_spaces_survive_saving(tmp_path: Path) -> None:
    spaces = {"kind": ["中", "a"]}
    labels.save(spaces, tmp_path / "labels.json")
    assert labels.load(tmp_path / "labels.json") == spaces


@pytest.mark.parametrize(
    ("spans", "tags"),
    [
        ([span(1, 2, "A")], [0, 0, 0]),  # between two words
        ([span(2, 5, "A"), span(0, 1, "B")], [3, 1, 2]),  # in any order
        ([span(0, 3, "A"), span(2, 5, "B")], [1, 2, 3]),  # the earlier one has the shared word
        ([span(0, 5, "A"), span(2, 3, "B")], [1, 2, 2]),  # nested
        ([span(4, 99, "B")], [0, 0, 3]),
    ],
)
def test_spans_and_words(spans: list[dict[str, Any]], tags: list[int]) -> None:
    frame = FRAME.head(1).with_columns(ner=pl.Series([spans], dtype=TASK_KINDS["tagging"].column_type))
    assert labels.encode(frame, [NER], {"ner": ["A", "B"]})["ner__y"].to_list() == [tags]


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4), st.sampled_from("AB")), max_size=4),
        max_size=4,
    )
)
def test_tags_are_always_valid_bio(documents: list[list[tuple[int, int, str]]]) -> None:
    spans = [[span(start, start + size, label) for start, size, label in document] for document in documents]
    frame = pl.DataFrame(
        {"ner": pl.Series(spans, dtype=TASK_KINDS["tagging"].column_type)}
    ).with_columns(start=pl.lit([0, 2, 4, 6]), end=pl.lit([2, 3, 6, 9]))  # fmt: skip
    for tags in labels.encode(frame, [NER], {"ner": ["A", "B"]})["ner__y"].to_list():
        for before, tag in zip([0, *tags], tags, strict=False):
            assert tag == 0 or tag % 2 == 1 or before in (tag - 1, tag)
