"""`mgm score`: a night."""

import os
import sys
import time
from typing import Annotated, Any

import typer

from flows import logs
from flows.commands.file_options import Encoding, Escape, Quote, Separator
from flows.commands.json_output import JSON, print_json
from flows.commands.scoring_options import AcceptDrift, AsCorpus, Bundle, Input, Like, Rescore


def score(
    date: Annotated[str, typer.Option("--date", metavar="YYYY-MM-DD", help="Date of the night.")],
    source: Input = None,
    *,
    bundle: Bundle = None,
    as_corpus: AsCorpus = None,
    like: Like = None,
    accept_drift: AcceptDrift = False,
    rescore: Rescore = False,
    encoding: Encoding = None,
    separator: Separator = None,
    quote: Quote = None,
    escape: Escape = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Score a night's documents with the champion, exactly once; a gate checks them first.

    A night that is already in the table is skipped. After a kill, the next run scores only the missing shards. If the gate refuses the
    night, or too many documents are rejected (gates.score.reject_stop), the exit code is 1 and the table is unchanged.

    The keys of --json: date, revision, state (scored or skipped), rows_in, predictions, rejected, reasons, warnings, broken,
    bundle, tasks, page, and the commit's other facts.
    """
    _silence_prefect()
    from flows.dates import parse_date
    from flows.file_format import FileFormat
    from flows.night_page import page_path
    from flows.score import run_score
    from flows.scoring_options import ScoringOptions

    start = time.perf_counter()
    options = ScoringOptions(
        source=source,
        bundle=bundle,
        as_corpus=as_corpus or like,
        accept_drift=accept_drift,
        rescore=rescore,
        format=FileFormat(encoding=encoding, separator=separator, quote=quote, escape=escape),
    )
    summary = run_score(parse_date(date), options)
    for warning in summary["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
    for line in summary["broken"]:
        print(f"warning: rejected because the model failed: {line}", file=sys.stderr)
    if as_json:
        print_json(summary | {"page": page_path(summary["date"]).as_posix()})
    else:
        print(_summary_line(summary, seconds=time.perf_counter() - start))


def _silence_prefect() -> None:
    """Let Prefect log nothing but with `mgm -v`, since errors that are expected are printed, and others raised.

    Prefect reads the variable when it is imported.
    """
    level = os.environ.get(logs.LEVEL)
    if "prefect" in sys.modules or level == "DEBUG":
        return
    if level is None:
        os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
    else:
        os.environ["PREFECT_LOGGING_LEVEL"] = "CRITICAL"


def _summary_line(summary: dict[str, Any], seconds: float) -> str:
    from flows.night import SKIPPED
    from flows.night_page import page_path

    reasons = "".join(f", {reason} {n}" for reason, n in summary["reasons"].items())
    counts = f"{summary['predictions']:,} of {summary['rows_in']:,} documents; {summary['rejected']:,} rejected{reasons}"
    for task, entry in summary["abstained"].items():
        counts += f"; {task}: {entry['answered']:,} with an answer"
    night = f"night {summary['date']}, revision {summary['revision']}: "
    if summary["state"] == SKIPPED:
        return f"{night}scored before (--rescore replaces it): {counts}"
    return f"{night}scored {counts}; {seconds:.1f} s; {page_path(summary['date'])}"
