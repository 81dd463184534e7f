from hashlib import blake2b

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.corpus.splits import assign_splits, split_of

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)


def by_definition(group: str) -> str:
    n = int(blake2b(group.encode(), digest_size=8).hexdigest(), 16) % 10
    return "test" if n < 2 else "valid" if n == 2 else "train"


def test_split_of_known_groups():
    known = {"a": "train", "f": "test", "组": "test", "页面": "train", "": "train"}
    assert {group: split_of(group) for group in known} == known


@given(st.lists(TEXT, max_size=20), st.randoms(use_true_random=False))
def test_a_row_s_split_is_its_group_s_wherever_it_stands(groups, random):
    frame = pl.DataFrame({"group": groups}, schema={"group": pl.String})
    splits = assign_splits(frame)
    assert splits.name == "split"
    assert splits.to_list() == [by_definition(group) for group in groups]
    shuffled = random.sample(groups, len(groups))
    assert assign_splits(pl.DataFrame({"page": shuffled}, schema={"page": pl.String}), "page").to_list() == [
        by_definition(group) for group in shuffled
    ]


def test_about_a_fifth_is_test_and_a_tenth_valid():
    counts = assign_splits(pl.DataFrame({"group": [f"组{i}" for i in range(4000)]})).value_counts()
    share = {name: count / 4000 for name, count in counts.iter_rows()}
    assert share["test"] == pytest.approx(0.2, abs=0.03)
    assert share["valid"] == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (pl.DataFrame({"groups": ["a"]}), "column 'group' is missing; the frame has groups"),
        (pl.DataFrame({"group": [1]}), "column 'group' has type Int64; expected String"),
        (pl.DataFrame({"group": ["a", None]}), "column 'group', row 1: the group is null"),
    ],
)
def test_a_frame_without_usable_groups_is_refused(frame, reason):
    with pytest.raises(ValueError, match=reason):
        assign_splits(frame)
