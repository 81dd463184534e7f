"""Spans as BIO tags of words."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.tasks import with_label_spaces
from mgm.text import labels
from tests.text.labels.examples import FRAME, NER, span


@pytest.mark.parametrize(
    ("spans", "tags"),
    [
        ([span(1, 2, "A")], [0, 0, 0]),  # between two words
        ([span(2, 5, "A"), span(0, 1, "B")], [3, 1, 2]),  # in any order
        ([span(0, 3, "A"), span(2, 5, "B")], [1, 2, 3]),  # the earlier one has the shared word
        ([span(0, 5, "A"), span(2, 3, "B")], [1, 2, 2]),  # nested
        ([span(4, 99, "B")], [0, 0, 3]),
    ],
    ids=["between_words", "any_order", "overlapping", "nested", "beyond_the_text"],
)
def test_spans_and_words(spans: list[dict[str, Any]], tags: list[int]) -> None:
    frame = FRAME.head(1).with_columns(pl.Series("label:ner", [spans], dtype=NER.column_type))
    assert labels.encode(frame, with_label_spaces([NER], {"ner": ["A", "B"]}))["label_ids:ner"].to_list() == [
        tags
    ]


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4), st.sampled_from("AB")), max_size=4),
        max_size=4,
    )
)
def test_tags_are_always_valid_bio(documents: list[list[tuple[int, int, str]]]) -> None:
    spans = [[span(start, start + size, label) for start, size, label in document] for document in documents]
    frame = pl.DataFrame(
        {"label:ner": pl.Series(spans, dtype=NER.column_type)}
    ).with_columns(start=pl.lit([0, 2, 4, 6]), end=pl.lit([2, 3, 6, 9]))  # fmt: skip
    for tags in labels.encode(frame, with_label_spaces([NER], {"ner": ["A", "B"]}))[
        "label_ids:ner"
    ].to_list():
        for before, tag in zip([0, *tags], tags, strict=False):
            assert tag == 0 or tag % 2 == 1 or before in (tag - 1, tag)
