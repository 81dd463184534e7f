"""The outcomes of nights that were scored by schedule or in a backfill, as rows, lines of text, and a CSV file."""

import csv
import io
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from flows import night_page
from mgm.files import write_text

FAILED = "failed"
BACKFILL_SUMMARY = night_page.NIGHTS / "backfill.csv"


@dataclass(frozen=True, kw_only=True)
class NightOutcome:
    """The outcome of one date: `state` is scored, skipped (in the table before) or failed (`error` has the reason)."""

    day: date
    state: str
    seconds: float = 0.0
    rows_in: int = 0
    predictions: int = 0
    rejected: int = 0
    error: str = ""
    warnings: tuple[str, ...] = ()
    """The warnings of the gate, and those about documents that broke the model."""

    @classmethod
    def from_summary(cls, day: date, summary: dict[str, Any], *, seconds: float) -> "NightOutcome":
        """Return the outcome of a night whose summary is that of `flows.night.score_date`."""
        return cls(
            day=day,
            state=summary["state"],
            seconds=seconds,
            rows_in=summary["rows_in"],
            predictions=summary["predictions"],
            rejected=summary["rejected"],
            warnings=(*summary["warnings"], *summary["broken"]),
        )

    @property
    def note(self) -> str:
        """The first line of the error, or the number of warnings."""
        if self.error:
            return self.error.splitlines()[0]
        page = night_page.page_path(self.day.isoformat())
        return f"warnings: {len(self.warnings)} ({page})" if self.warnings else ""


def outcome_rows(outcomes: list[NightOutcome]) -> list[dict[str, Any]]:
    """Return the outcomes as rows of a table."""
    return [
        {
            "date": outcome.day.isoformat(),
            "state": outcome.state,
            "documents": outcome.rows_in,
            "predictions": outcome.predictions,
            "rejected": outcome.rejected,
            "seconds": round(outcome.seconds, 1),
            "note": outcome.note,
        }
        for outcome in outcomes
    ]


def outcome_lines(outcomes: list[NightOutcome]) -> list[str]:
    """Return the outcomes as lines of a table."""
    head = f"{'date':<10}  {'state':<7} {'documents':>11} {'predictions':>11} {'rejected':>9} {'seconds':>8}"
    lines = [
        f"{r['date']}  {r['state']:<7} {r['documents']:>11,} {r['predictions']:>11,} {r['rejected']:>9,} "
        f"{r['seconds']:>8.1f}  {r['note']}"
        for r in outcome_rows(outcomes)
    ]
    return [head, *(line.rstrip() for line in lines)]


def write_backfill_summary(outcomes: list[NightOutcome]) -> Path:
    """Write the summary of a backfill, atomically, in place of that of the one before, and return its path."""
    text, rows = io.StringIO(), outcome_rows(outcomes)
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(BACKFILL_SUMMARY, text.getvalue())
    return BACKFILL_SUMMARY
