"""The narrow table that a gate judges: derived columns of documents, never their text."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

SHOWN_ROWS = 10
"""Row ids that a finding names at most."""


class Blocks(Protocol):
    """A table that is too long for memory: it is read block by block, as often as needed."""

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""

    @property
    def num_blocks(self) -> int:
        """The number of blocks, one at least."""

    def blocks(self) -> Iterator[pl.DataFrame]:
        """Yield the rows in their order."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A table whose columns expectations are about."""

    rows: pl.DataFrame | Blocks
    id_column: str | None
    """The column that names a row; None in a table of one row."""
    examples: Mapping[str, list[str]] = field(default_factory=dict)
    """Ids of documents behind a count, by the column of the count."""

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return self.rows.columns

    @property
    def num_blocks(self) -> int:
        """The number of blocks, one at least."""
        return 1 if isinstance(self.rows, pl.DataFrame) else self.rows.num_blocks

    def blocks(self) -> Iterator[pl.DataFrame]:
        """Yield the rows in their order, block by block."""
        if isinstance(self.rows, pl.DataFrame):
            yield self.rows
        else:
            yield from self.rows.blocks()


def shown_ids(rows: pl.DataFrame) -> list[str]:
    """Return the ids of the first documents."""
    return [str(doc_id) for doc_id in rows["doc_id"].head(SHOWN_ROWS)]


class CountedRows:
    """The number of some documents, and the ids of the first of them."""

    def __init__(self) -> None:
        """Begin without any document."""
        self.count = 0
        self.ids: list[str] = []

    def add(self, rows: pl.DataFrame) -> None:
        """Add documents."""
        self.count += rows.height
        if len(self.ids) < SHOWN_ROWS:
            self.ids = [*self.ids, *shown_ids(rows)][:SHOWN_ROWS]


def copy_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows in memory of their own: as Polars selects them, they keep all strings of the frame that they are from in memory."""
    return pl.DataFrame(pl.from_arrow(rows.to_arrow(compat_level=pl.CompatLevel.oldest())))


def join_texts(texts: list[pl.Expr]) -> pl.Expr:
    """Return the texts that are not null as one; null where all are."""
    if not texts:
        return pl.lit(None, pl.String)
    return pl.when(pl.any_horizontal(text.is_not_null() for text in texts)).then(
        pl.concat_str(texts, separator="; ", ignore_nulls=True)
    )
