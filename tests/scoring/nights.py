"""A night of tiny documents, scored by the real flow, and what is in its tables."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from mgm.settings.scoring import ScoreSettings
from tests import tiny

DAY = date(2026, 1, 1)
SETTINGS = ScoreSettings(rows_per_shard=8, rows_per_batch=4)
DIGITS = 4
SHARDS = Path(SETTINGS.staging_dir) / DAY.isoformat() / "shards"


def documents() -> pl.DataFrame:
    """30 that can be scored, and one that cannot."""
    blank = pl.DataFrame({"doc_id": ["blank"], "text": [" "]})
    return pl.concat([tiny.menus().select("doc_id", "text"), blank])


def rows(location: str, version: int | None = None) -> list[dict[str, Any]]:
    """A table's rows, ordered by doc_id, scores rounded: what makes two nights identical."""
    frame = pl.read_delta(location, version=version).sort("date", "doc_id")
    return frame.with_columns(pl.col(pl.Float32).round(DIGITS)).to_dicts()


def tables(settings: ScoreSettings = SETTINGS) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of predictions and of rejects."""
    return rows(settings.table), rows(settings.rejects)
