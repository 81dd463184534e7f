"""Splits: which of train, valid and test a document belongs to, decided by its group alone."""

from hashlib import blake2b

import polars as pl

_TENTHS = ("test", "test", "valid") + ("train",) * 7


def split_of(group: str) -> str:
    """Return the split of a group by a hash of its UTF-8 modulo ten: 0 and 1 are test, 2 is valid, else train."""
    digest = blake2b(group.encode("utf-8"), digest_size=8).hexdigest()
    return _TENTHS[int(digest, 16) % 10]


def assign_splits(frame: pl.DataFrame, group: str = "group") -> pl.Series:
    """Return the split of every row, in row order, as a string Series named `split`.

    The hash is computed once for each distinct group.

    Raises:
        ValueError: the column is missing, not text, or has a null: a row without a group could straddle two splits.
    """
    if group not in frame.columns:
        raise ValueError(f"column {group!r} is missing; the frame has {', '.join(frame.columns)}")
    groups = frame[group]
    if groups.dtype != pl.String:
        raise ValueError(f"column {group!r} has type {groups.dtype}; expected String")
    if groups.null_count():
        row = groups.is_null().arg_true()[0]
        raise ValueError(f"column {group!r}, row {row}: the group is null; expected a string in every row")
    distinct = groups.unique(maintain_order=True)
    splits = pl.Series("split", [split_of(name) for name in distinct], dtype=pl.String)
    return groups.replace_strict(distinct, splits, return_dtype=pl.String).alias("split")
