"""A night of tiny documents, scored by the real flow, and the rows of its tables."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable

from flows.night import score_date
from flows.scoring_options import ScoringOptions
from mgm.corpus.readers import Source
from mgm.settings.compute import ComputeSettings
from mgm.settings.gates import GateSettings
from mgm.settings.scoring import ScoreSettings
from tests import tiny_corpora

DAY = date(2026, 1, 1)
SETTINGS = ScoreSettings(rows_per_shard=8, rows_per_batch=4)
DIGITS = 4
SHARDS = Path(SETTINGS.staging_dir) / DAY.isoformat() / "shards"


def documents() -> pl.DataFrame:
    """Return 30 documents that can be scored, and one that cannot."""
    blank = pl.DataFrame({"doc_id": ["blank"], "text": [" "]})
    return pl.concat([tiny_corpora.menus().select("doc_id", "text"), blank])


def score(
    day: date,
    source: Source | None = None,
    bundle: Path | None = None,
    *,
    settings: ScoreSettings | None = None,
    gates: GateSettings | None = None,
    compute: ComputeSettings | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Score a night and return its summary."""
    scoring = ScoringOptions(source=source, bundle=bundle, **options)
    return score_date(day, scoring, settings=settings, gates=gates, compute=compute)


def clean_log(location: str) -> None:
    """Remove all entries of a table's log but the last, which is no night's, after a checkpoint, as other engines do."""
    DeltaTable(location).alter.set_table_properties({"delta.checkpointInterval": "100"})
    table = DeltaTable(location)
    table.create_checkpoint()
    for path in Path(location, "_delta_log").glob("*.json"):
        if int(path.stem) < table.version():
            path.unlink()


def rows(location: str, version: int | None = None) -> list[dict[str, Any]]:
    """Return a table's rows, ordered by doc_id, scores rounded: identical nights have equal rows."""
    frame = pl.read_delta(location, version=version).sort("date", "doc_id")
    return frame.with_columns(pl.col(pl.Float32).round(DIGITS)).to_dicts()


def tables(settings: ScoreSettings = SETTINGS) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of predictions and of rejects."""
    return rows(settings.table), rows(settings.rejects)
