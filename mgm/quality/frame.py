"""The narrow table that a gate judges: derived columns of documents, never their text."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

SHOWN_ROWS = 10
"""Row ids that a finding names at most."""


@dataclass(frozen=True)
class Frame:
    """What expectations read: `index` names the column of the row ids, `examples` gives ids behind a count, by column."""

    rows: pl.DataFrame
    index: str | None
    examples: Mapping[str, list[str]] = field(default_factory=dict)
