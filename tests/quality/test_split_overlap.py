"""Texts and groups that documents of different blocks share."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from mgm.quality.spilled_rows import SpilledRows
from mgm.quality.split_overlap import find_cross_split_faults, join_cross_split_faults

DOCUMENT = st.tuples(
    st.sampled_from(["tea", "茶", "coffee", None]),
    st.sampled_from(["g1", "g2", "g3", None]),
    st.sampled_from(["train", "valid", "test", "dev", None]),
)


@given(st.lists(DOCUMENT, min_size=1, max_size=12), st.integers(1, 13))
def test_blocks_find_what_all_documents_have(documents: list[tuple[str, str, str]], block_rows: int) -> None:
    """The columns state what a look at all earlier and later documents finds, wherever a block ends."""
    rows = pl.DataFrame(documents, schema=dict.fromkeys(("text", "group", "split"), pl.String), orient="row")
    hashes = rows.with_row_index("row").select(
        "row",
        pl.format("d{}", "row").alias("doc_id"),
        "split",
        pl.col("group").hash(),
        pl.when(pl.col("text").is_not_null()).then(pl.col("text").hash()).alias("text"),
    )
    spilled = SpilledRows(hashes.schema, block_rows=block_rows)
    for frame in hashes.iter_slices(4):
        spilled.add(frame)
    faults = find_cross_split_faults(spilled)
    found = pl.concat([join_cross_split_faults(block, faults) for block in spilled.blocks()])
    assert found["doc_id"].to_list() == hashes["doc_id"].to_list()
    for row, (text, group, split) in zip(found.rows(named=True), documents, strict=True):
        splits = {other[2] for other in documents if other[0] == text and text is not None}
        later = {"train": (), "valid": ("train",), "test": ("train", "valid")}.get(split, ())
        first = next(i for i, other in enumerate(documents) if other[0] == text)
        assert row["group_splits"] == len({other[2] for other in documents if other[1] == group})
        assert row["duplicate_of"] == (None if text is None or first == row["row"] else f"d{first}")
        assert row["text_also_in"] == ("; ".join(name for name in later if name in splits) or None)


def test_many_splits_are_told_apart() -> None:
    """Numbers of splits end at 255, and a group in an early and a late split is found all the same."""
    names = [f"s{i}" for i in range(300)]
    rows = pl.DataFrame({"row": range(301), "split": [*names, "s1"], "doc_id": ["d"] * 301}).with_columns(
        group=pl.Series([*range(299), 0, 5], dtype=pl.UInt64) * 256, text=pl.lit(None, pl.UInt64)
    )
    spilled = SpilledRows(rows.schema)
    spilled.add(rows)
    faults = find_cross_split_faults(spilled)
    assert dict(faults.select("row", "group_splits").iter_rows()) == {0: 2, 299: 2, 5: 2, 300: 2}
