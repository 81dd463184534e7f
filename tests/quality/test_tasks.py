"""The frame `tasks`, without a gate."""

import polars as pl
import pytest

from mgm.quality.tasks import TaskFrameBuilder
from mgm.tasks import Task
from tests.flows.gates.conftest import good_documents

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
    builder.add(good_documents().with_columns(text=texts, title=pl.lit("Green tea")))
    frame = builder.frame({})
    assert frame.rows["target_in_source_stopped"].is_not_null().to_list() == [is_leak]
    assert ("target_in_source_stopped" in frame.examples) == is_leak
