"""Label columns: rare labels dropped, labels as numbers, unseen labels counted."""

import polars as pl

from mgm.tasks import with_label_spaces
from mgm.text import labels
from mgm.text.subwords import Subwords
from tests.text.labels.examples import FRAME, KIND, NER, TAGS, TASKS, TITLE, VALUE

COUNTS = labels.count_labels([FRAME], TASKS)


def test_encoded_columns() -> None:
    spaces = labels.build_label_spaces(COUNTS, TASKS)
    encoded = labels.encode(FRAME, with_label_spaces(TASKS, spaces))
    assert encoded["label_ids:kind"].to_list() == [1, 0, 1, 0, labels.UNSEEN, None]
    assert encoded["label_ids:tags"].to_list() == [[0, 1], [0, 1], [0], [], [1], None]
    assert encoded["label_ids:value"].to_list() == FRAME["label:value"].to_list()
    assert encoded["label_ids:ner"].to_list() == [[1, 2, 2], [0, 0, 0], None, [0, 3, 0], [0, 1, 0], None]
    assert "label_ids:title" not in encoded.columns
    subwords = Subwords.train(["t"], 300)
    written = labels.encode(FRAME, [TITLE], subwords=subwords)["label_ids:title"]
    assert written.to_list() == subwords.encode_targets(FRAME["label:title"]).to_list()
    assert [encoded.schema[t.columns.label_ids] for t in (KIND, TAGS, NER, VALUE)] == [
        pl.Int32, pl.List(pl.Int32), pl.List(pl.Int16), pl.Float32,
    ]  # fmt: skip


def test_unseen_labels_are_counted() -> None:
    spaces = labels.build_label_spaces(COUNTS, TASKS)
    frame = labels.drop_rare(FRAME, TASKS, rare=labels.find_rare_labels(COUNTS, TASKS))
    assert labels.count_unseen(frame, with_label_spaces(TASKS, spaces)) == {"kind": 1, "ner": 1, "tags": 1}


def test_rare_labels_become_null_or_leave_their_list() -> None:
    frame = labels.drop_rare(FRAME, TASKS, rare={"kind": ["a"], "tags": ["rare"], "ner": ["LOC"]})
    assert frame["label:kind"].to_list() == ["b", None, "b", None, "new", None]
    assert frame["label:tags"].to_list()[2:4] == [["x"], []] and frame["label:tags"][5] is None
    assert frame["label:ner"].to_list()[:3] == [[], [], None] and frame.schema == FRAME.schema
