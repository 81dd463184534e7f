"""The splits that a corpus brings in a column: whether that column is used, and what its values say."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import polars as pl

from mgm.corpus.contract import SPLITS
from mgm.corpus.readers import DEFAULT_DIALECT, Dialect, Source, column_names, read_batches, split_source
from mgm.corpus.splits import assign_splits

SPLIT = "split"
"""The name of the column that is used without being named in the settings, if its values are splits."""
BY_HASH = "hash"
"""The value of a corpus's setting `split` that leaves such a column alone."""
SYNONYMS = {
    "train": ("train", "training", "训练", "训练集"),
    "valid": ("valid", "validation", "val", "dev", "development", "验证", "验证集"),
    "test": ("test", "testing", "测试", "测试集"),
}
"""The values of a split, case and blanks at the ends aside."""
EXPECTED = "one of train, valid (validation, val, dev), test"
SHOWN_VALUES = 5
MAX_VALUES = 100
"""Different values above which no more are read: they are not all splits."""

_SPLIT_OF = {value: split for split, values in SYNONYMS.items() for value in values}


@dataclass(frozen=True, kw_only=True)
class SplitColumn:
    """The source of a corpus's splits."""

    column: str | None = None
    """The column; None: the hash of the group."""
    absent: frozenset[str] = frozenset()
    """The splits that the column never names: they take their share of the groups of train, by the hash."""
    unused: str | None = None
    """The reason for which a column named `split` is not used; None where it is, or where there is none."""

    @property
    def decided_by(self) -> str:
        """The source in words."""
        if self.column is None:
            return "hash of the group"
        taken = " and ".join(split for split in SPLITS if split in self.absent)
        return f"column {self.column!r}" + (
            f", {taken} out of train by the hash of the group" if taken else ""
        )

    def assign(self, frame: pl.DataFrame) -> pl.Series:
        """Return the split of every row, null where the column's value is none.

        Args:
            frame: rows with `group`, and with the column's values as `split`.
        """
        if self.column is None:
            return assign_splits(frame)
        given = parse_splits(frame[SPLIT])
        if not self.absent:
            return given
        by_hash = assign_splits(frame)
        moves = (given == "train") & by_hash.is_in(self.absent)
        return given.zip_with(~moves.fill_null(False), by_hash)


def parse_splits(values: pl.Series) -> pl.Series:
    """Return the splits that values name, null where they name none."""
    folded = values.str.strip_chars().str.to_lowercase()
    return folded.replace_strict(_SPLIT_OF, default=None, return_dtype=pl.String).alias(SPLIT)


def find_split_column(
    source: Source,
    *,
    setting: str | None,
    taken: Collection[str],
    name: str,
    dialect: Dialect = DEFAULT_DIALECT,
) -> SplitColumn:
    """Return the source of a corpus's splits.

    A column that the settings name is used as it is. Else a column named `split` is used where one of its values is a split, so
    that a published test split is never mixed into training; it has to name train then, and `valid` or `test` are taken
    from train where it names none. One whose values are something else is left alone.

    Args:
        source: the raw rows; they are read for a column named `split` alone.
        setting: the corpus's setting: a column that is there, `hash`, or None.
        taken: the columns that are read as something else.
        name: the corpus's name, for errors.
        dialect: how the files are written.

    Raises:
        ValueError: a column named `split` names held-out splits alone.
    """
    if setting is not None:
        return SplitColumn(column=None if setting == BY_HASH else setting)
    if SPLIT in taken:
        return SplitColumn()
    if SPLIT not in column_names(source, dialect=dialect):
        files = split_source(source)
        if len(files) > 1 and any(SPLIT in column_names(file, dialect=dialect) for file in files):
            return SplitColumn(unused="only some of the files have it")
        return SplitColumn()
    return _judge(source, name, dialect=dialect)


def _judge(source: Source, name: str, *, dialect: Dialect) -> SplitColumn:
    """Return whether the column named `split` is used, by its values."""
    values: Counter[Any] = Counter()
    try:
        for frame in read_batches(
            source, {SPLIT: pl.String()}, rows=MAX_VALUES * 1_000, strict=(), dialect=dialect
        ):
            values.update(dict(frame[SPLIT].value_counts().iter_rows()))
            if len(values) > MAX_VALUES:
                break
    except ValueError:  # a fault of the file is found again when all of it is read
        return SplitColumn(unused="its values are no text")
    distinct = sorted(value for value in values if value is not None)
    shown = ", ".join(map(repr, distinct[:SHOWN_VALUES])) + (", ..." if len(distinct) > SHOWN_VALUES else "")
    named = set(parse_splits(pl.Series(distinct, dtype=pl.String)).drop_nulls())
    if not named:
        return SplitColumn(unused=f"its values are {shown}; expected {EXPECTED}" if distinct else None)
    if "train" not in named and len(values) <= MAX_VALUES:
        raise ValueError(
            f"{source}: column {SPLIT!r}: the values are {shown}; expected rows of train, too "
            f"(corpora.{name}.split: {BY_HASH} splits by the hash of the group)"
        )
    return SplitColumn(column=SPLIT, absent=frozenset(SPLITS) - named)
