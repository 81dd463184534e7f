"""What needs the other rows: repeated texts, texts across splits, groups across splits."""

import polars as pl

from mgm.quality.rows import joined


def add_cross_split_columns(rows: pl.DataFrame) -> pl.DataFrame:
    """Adds group_splits, duplicate_of and text_also_in, and drops the hashes that they come from."""
    first = pl.col("doc_id").first().over("text")
    again = pl.col("text").is_not_null() & ~pl.col("text").is_first_distinct()
    texts = rows.filter(pl.col("text").is_not_null())
    known = {
        split: texts.filter(pl.col("split") == split)["text"].unique(maintain_order=True).implode()
        for split in ("train", "valid")
    }
    in_train = pl.when(pl.col("split").is_in(["valid", "test"]) & pl.col("text").is_in(known["train"])).then(
        pl.lit("train")
    )
    in_valid = pl.when((pl.col("split") == "test") & pl.col("text").is_in(known["valid"])).then(
        pl.lit("valid")
    )
    return rows.with_columns(
        group_splits=pl.col("split").n_unique().over("group").cast(pl.Int32),
        duplicate_of=pl.when(again).then(first),
        text_also_in=joined([in_train, in_valid]),
    ).drop("group", "text")
