"""Columns of one row: lengths of the raw text."""

import polars as pl

from mgm.quality.rows import narrow_columns
from mgm.text.offsets import EDIT
from tests.flows.gates.conftest import good_documents


def test_lengths_are_those_of_the_raw_text():
    documents = good_documents()
    # "  Note 1 is about tea. " was trimmed and masked to "Note <NUMBER> is about tea.".
    """Lengths are those of the raw text where cleaning changed it."""
    zh = pl.col("lang") == "zh"
    digits = pl.col("doc_id").str.len_chars().cast(pl.Int32) - 1
    begin = pl.when(zh).then(1).otherwise(5).cast(pl.Int32)
    size = pl.col("text").str.len_chars().cast(pl.Int32)
    masked = size - digits + 8
    edits = [
        (0, 2, 0, 0),
        (begin + 2, begin + 2 + digits, begin, begin + 8),
        (size + 2, size + 3, masked, masked),
    ]
    names = [field.name for field in EDIT.fields]
    lists = pl.concat_list(
        pl.struct(
            pl.lit(v, pl.Int32).alias(n) if isinstance(v, int) else v.cast(pl.Int32).alias(n)
            for n, v in zip(names, e, strict=True)
        )
        for e in edits
    )
    frame = narrow_columns(
        documents.with_columns(edits=lists, text=pl.col("text").str.replace(r"\d+", "<NUMBER>")),
        [],
        after_ingest=False,
    )
    assert frame["raw_characters"].to_list() == documents["text"].str.len_chars().to_list()
