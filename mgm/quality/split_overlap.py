"""Columns of the frame `documents` that need the other rows: repeated texts, texts across splits, groups across splits.

Memory: 9 bytes a document while repeated texts are searched for, then as many for groups, and about 100 for each document at fault.
"""

from array import array
from collections.abc import Iterable

import numpy as np
import polars as pl

from mgm.corpus.repeated_ids import IdHashes
from mgm.quality.frame import join_texts
from mgm.quality.spilled_rows import SpilledRows

_SPLITS = 256
"""Splits that are told apart; the part of a group's hash that their numbers replace."""
_STEP = 1 << 20


def find_cross_split_faults(documents: SpilledRows) -> pl.DataFrame:
    """Return row, group_splits, duplicate_of and text_also_in of the documents that share a text, or a group with another split.

    Args:
        documents: row, doc_id, split, and the hashes `group` and `text`.
    """
    texts = _repeated_texts(documents.blocks(["text"])).implode()
    groups = _groups_in_several_splits(documents.blocks(["group", "split"])).implode()
    shares = pl.col("text").is_in(texts) | (pl.col("group") // _SPLITS).is_in(groups)
    columns = ["row", "doc_id", "split", "group", "text"]
    return _add_cross_split_columns(
        pl.concat([block.filter(shares) for block in documents.blocks(columns)])
    ).drop("doc_id", "split")


def join_cross_split_faults(block: pl.DataFrame, faults: pl.DataFrame) -> pl.DataFrame:
    """Add group_splits, duplicate_of and text_also_in to documents, and drop the hashes that they come from."""
    joined = block.drop("group", "text").join(faults, on="row", how="left", maintain_order="left")
    return joined.with_columns(pl.col("group_splits").fill_null(1))


def _add_cross_split_columns(rows: pl.DataFrame) -> pl.DataFrame:
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


def _repeated_texts(blocks: Iterable[pl.DataFrame]) -> pl.Series:
    """Return the hashes of texts that several documents have."""
    hashes = IdHashes()
    for block in blocks:
        hashes.add_bytes(block["text"].drop_nulls().to_numpy().tobytes())
    return hashes.repeated()


def _groups_in_several_splits(blocks: Iterable[pl.DataFrame]) -> pl.Series:
    """Return the hashes of groups, without their last byte, that have documents in several splits; by chance a few others too."""
    keys, numbers = array("Q"), dict[str | None, int]()
    for block in blocks:
        for split in block["split"].unique(maintain_order=True):
            numbers.setdefault(split, min(len(numbers), _SPLITS - 1))
        if numbers:
            split_number = block["split"].replace_strict(numbers, return_dtype=pl.UInt64)
            keys.frombytes((block["group"] // _SPLITS * _SPLITS + split_number).to_numpy().tobytes())
    pairs = np.frombuffer(keys, np.uint64)
    pairs.sort()  # in place
    found = []
    for begin in range(0, len(pairs), _STEP):
        step = pairs[begin : begin + _STEP + 1]
        difference = step[1:] ^ step[:-1]
        found.append(np.unique(step[1:][(difference > 0) & (difference < _SPLITS)] // np.uint64(_SPLITS)))
    return pl.Series(np.unique(np.concatenate(found)) if found else [], dtype=pl.UInt64)
