"""The command that scores a night's documents with the champion, exactly once: `python -m flows.score --date 2026-11-20`.

A gate judges the documents first: documents that it refuses are not scored, and earlier scores stay. A night that is in the table is
not scored again (`--rescore` replaces it), and a run after a kill continues from the shards that are done.
"""

import argparse
import os
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # this command prints expected errors itself, and others are raised
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")

# isort: split
from prefect import flow

from flows import night_page, server
from flows.dates import parse_date
from flows.errors import message
from flows.night import SKIPPED, score_date
from flows.scoring_options import ScoringOptions, load_settings
from mgm.scoring.commits import NightConflict
from mgm.scoring.isolation import ModelBroken


@flow(name="score", validate_parameters=False)
def score_flow(day: date, options: ScoringOptions) -> dict[str, Any]:
    """Score a night with the settings of params.yaml; see `flows.night.score_date`."""
    settings, gates = load_settings()
    return score_date(day, options, settings=settings, gates=gates)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that become `ScoringOptions`."""
    parser.add_argument(
        "--input",
        help="file, folder or s3://bucket/prefix: Parquet, JSONL, CSV or TSV with doc_id and text, or .txt; {date} in it is "
        "the night's; default: score.input of params.yaml",
    )
    parser.add_argument("--bundle", help="folder of a bundle; default: the champion's")
    parser.add_argument(
        "--as-corpus",
        "--like",
        metavar="CORPUS",
        help="read the documents with this corpus's columns and text settings",
    )
    parser.add_argument(
        "--accept-drift",
        action="store_true",
        help="also score documents that are far from those of training; summary.json notes it",
    )
    parser.add_argument(
        "--rescore", action="store_true", help="score a night that is in the table again, and replace it"
    )


def parse_options(arguments: argparse.Namespace) -> ScoringOptions:
    """Return the options of the command line."""
    return ScoringOptions(
        source=arguments.input,
        bundle=Path(arguments.bundle) if arguments.bundle else None,
        as_corpus=arguments.as_corpus,
        accept_drift=arguments.accept_drift,
        rescore=arguments.rescore,
    )


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.score", description="Scores a night's documents, exactly once."
    )
    parser.add_argument("--date", required=True, metavar="YYYY-MM-DD", help="the night")
    add_arguments(parser)
    arguments = parser.parse_args(argv)
    start = time.perf_counter()
    try:
        day = parse_date(arguments.date)
        server.start_temporary()
        summary = score_flow(day, parse_options(arguments))
    except NightConflict as error:
        print(f"error: {error}; --rescore replaces the night", file=sys.stderr)
        return 1
    except (ValueError, OSError, ModelBroken) as error:
        print(f"error: {message(error)}", file=sys.stderr)
        return 1
    _print_summary(summary, time.perf_counter() - start)
    return 0


def _print_summary(summary: dict[str, Any], seconds: float) -> None:
    for warning in summary["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
    for line in summary["broken"]:
        print(f"warning: rejected, the model fails: {line}", file=sys.stderr)
    reasons = "".join(f", {reason} {n}" for reason, n in summary["reasons"].items())
    counts = f"{summary['predictions']:,} of {summary['rows_in']:,} documents; {summary['rejected']:,} rejected{reasons}"
    night = f"night {summary['date']}, revision {summary['revision']}: "
    if summary["state"] == SKIPPED:
        print(f"{night}scored before (--rescore replaces it): {counts}")
    else:
        print(f"{night}scored {counts}; {seconds:.1f} s; {night_page.page_path(summary['date'])}")


if __name__ == "__main__":
    sys.exit(main())
