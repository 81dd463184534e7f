"""The files and statistics of one corpus that the stages before a gate leave."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class CleaningReport:
    """The output of cleaning and deduplication beside their table."""

    copies: Path
    """The rows that deduplication dropped."""
    cleaned: Mapping[str, Any]
    """The statistics of the stage clean."""
    deduplicated: Mapping[str, Any]
    """The statistics of the stage deduplicate."""


@dataclass(frozen=True, kw_only=True)
class CorpusOutput:
    """The output of the stages before a gate."""

    documents: Path
    rejects: Path
    """The rejected rows, which count against the budget; copies do not."""
    split_column_unused: str | None = None
    """The reason for which ingest left a column named `split` alone; None where there is none, and after cleaning."""
    cleaning: CleaningReport | None = None
    """None after ingest."""
