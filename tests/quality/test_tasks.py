"""The frame `tasks`, without a gate."""

import polars as pl
import pytest

from mgm.quality.tasks import TaskFrameBuilder
from mgm.tasks import Task
from tests.flows.gates.conftest import KINDS, good_documents
from tests.label_columns import with_label_columns

TITLE = Task(name="title", kind="generation", corpora=["notes"])


@pytest.mark.parametrize(
    ("text", "is_leak"),
    [
        ("Green tea\nIt is hot.", True),
        ("It is hot.\n\n  == GREEN TEA ==  ", True),
        ("It is hot.\n- Green tea:\nDrink it.", True),
        ("Green tea is hot.\nDrink it.", False),
        ("Drink green\ntea.", False),
    ],
    ids=["first line", "heading in capitals", "item of a list", "begins a line", "broken over lines"],
)
def test_a_target_leaks_if_it_is_a_line_of_its_text(text: str, is_leak: bool) -> None:
    texts = pl.concat_str(pl.lit(text), pl.lit("\nNo "), "doc_id")
    builder = TaskFrameBuilder([TITLE])
    documents = good_documents().with_columns(text=texts, title=pl.lit("Green tea"))
    builder.add(with_label_columns(documents, KINDS))
    frame = builder.frame({})
    assert frame.rows["target_in_source_stopped"].is_not_null().to_list() == [is_leak]
    assert ("target_in_source_stopped" in frame.examples) == is_leak


TOPIC = Task(name="topic", kind="classification", corpora=["notes"])


@pytest.mark.parametrize(
    ("odd", "like", "shown"),
    [
        ("cafe\u0301", "café", "(U+0063 U+0061 U+0066 U+0065 U+0301) 1"),
        ("caf\u200bé", "café", "(U+0063 U+0061 U+0066 U+200B U+00E9) 1"),
        ("ｃafé", "café", "(U+FF43 U+0061 U+0066 U+00E9) 1"),
        ("café\u00a0", "café", "(U+0063 U+0061 U+0066 U+00E9 U+00A0) 1"),
        ("茶\ufeff", "茶", "(U+8336 U+FEFF) 1"),
        ("Food ", "food", "'Food ' 1"),
        ("fo\u200bod", "food", "(U+0066 U+006F U+200B U+006F U+0064) 1"),
    ],
    ids=[
        "NFD",
        "zero-width",
        "full-width",
        "no-break space",
        "byte order mark",
        "case and blank",
        "in ASCII",
    ],
)
def test_labels_that_look_the_same_are_named(odd: str, like: str, shown: str) -> None:
    builder = TaskFrameBuilder([TOPIC])
    topic = pl.when(pl.col("doc_id") == "d3").then(pl.lit(odd)).otherwise(pl.lit(like))
    builder.add(with_label_columns(good_documents().with_columns(topic=topic), KINDS))
    frame = builder.frame({})
    (text,) = frame.rows["labels_alike"]
    assert (
        "labels that differ only in case, blanks, invisible characters, width or Unicode's normal form"
        in text
    )
    assert text.index(repr(like)) < text.index(shown) and " 39, " in text
    assert frame.examples["labels_alike"] == ["d3 (topic)"]


@pytest.mark.parametrize("other", ["cafe", "茶叶", "foods", "food!"])
def test_labels_that_differ_visibly_are_not(other: str) -> None:
    builder = TaskFrameBuilder([TOPIC])
    topic = pl.when(pl.col("doc_id") == "d3").then(pl.lit(other)).otherwise("topic")
    builder.add(with_label_columns(good_documents().with_columns(topic=topic), KINDS))
    assert builder.frame({}).rows["labels_alike"].to_list() == [None]
