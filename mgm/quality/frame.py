"""The narrow table that a gate judges: derived columns of documents, never their text."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

SHOWN_ROWS = 10
"""Row ids that a finding names at most."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A table whose columns expectations are about."""

    rows: pl.DataFrame
    id_column: str | None
    """The column that names a row; None in a table of one row."""
    examples: Mapping[str, list[str]] = field(default_factory=dict)
    """Ids of documents behind a count, by the column of the count."""


def shown_ids(rows: pl.DataFrame) -> list[str]:
    """Return the ids of the first documents."""
    return [str(doc_id) for doc_id in rows["doc_id"].head(SHOWN_ROWS)]


def join_texts(texts: list[pl.Expr]) -> pl.Expr:
    """Return the texts that are not null as one; null where all are."""
    if not texts:
        return pl.lit(None, pl.String)
    return pl.when(pl.any_horizontal(text.is_not_null() for text in texts)).then(
        pl.concat_str(texts, separator="; ", ignore_nulls=True)
    )
