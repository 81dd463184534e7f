"""Columns of the frame `documents` that need the other rows: repeated texts, texts across splits, groups across splits."""

import polars as pl

from mgm.quality.frame import join_texts


def add_cross_split_columns(rows: pl.DataFrame) -> pl.DataFrame:
    """Add group_splits, duplicate_of and text_also_in, and drop the hashes that they come from."""
    first_doc_id = pl.col("doc_id").first().over("text")
    is_repeated = pl.col("text").is_not_null() & ~pl.col("text").is_first_distinct()
    texts = rows.filter(pl.col("text").is_not_null())
    texts_of = {
        split: texts.filter(pl.col("split") == split)["text"].unique(maintain_order=True).implode()
        for split in ("train", "valid")
    }
    in_train = pl.when(
        pl.col("split").is_in(["valid", "test"]) & pl.col("text").is_in(texts_of["train"])
    ).then(pl.lit("train"))
    in_valid = pl.when((pl.col("split") == "test") & pl.col("text").is_in(texts_of["valid"])).then(
        pl.lit("valid")
    )
    return rows.with_columns(
        group_splits=pl.col("split").n_unique().over("group").cast(pl.Int32),
        duplicate_of=pl.when(is_repeated).then(first_doc_id),
        text_also_in=join_texts([in_train, in_valid]),
    ).drop("group", "text")
