"""The outcomes of nights as a file."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from flows.night_outcomes import NightOutcome, outcome_rows, write_backfill_summary


def test_summary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outcomes = [
        NightOutcome(
            day=date(2026, 1, 1),
            state="scored",
            seconds=2.04,
            rows_in=31,
            predictions=30,
            rejected=1,
            warnings=("far", "farther"),
        ),
        NightOutcome(day=date(2026, 1, 2), state="failed", error="no such file, 文\nat all"),
    ]
    read = pl.read_csv(write_backfill_summary(outcomes))
    assert read.to_dicts() == [row | {"note": row["note"] or None} for row in outcome_rows(outcomes)]
    assert read["note"].to_list() == ["warnings: 2 (reports/nights/2026-01-01.html)", "no such file, 文"]
    assert read["seconds"].to_list() == [2.0, 0.0]
