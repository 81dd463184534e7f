"""`mgm backfill`: many nights."""

from typing import Annotated

import typer

from flows.commands.scoring_options import AcceptDrift, AsCorpus, Bundle, Input, Like, Rescore


def backfill(
    first: Annotated[str, typer.Option("--from", metavar="YYYY-MM-DD", help="The first date.")],
    last: Annotated[str, typer.Option("--to", metavar="YYYY-MM-DD", help="The last date, included.")],
    *,
    source: Input = None,
    bundle: Bundle = None,
    as_corpus: AsCorpus = None,
    like: Like = None,
    accept_drift: AcceptDrift = False,
    rescore: Rescore = False,
) -> None:
    """Score each date of a range as a separate night; nights that are already in the table are skipped.

    A failed night does not stop the others; the exit code is then 1, and the same command retries what failed.
    """
    from flows.backfill import run_backfill
    from flows.dates import parse_date
    from flows.night_outcomes import BACKFILL_SUMMARY
    from flows.scoring_options import ScoringOptions

    options = ScoringOptions(
        source=source,
        bundle=bundle,
        as_corpus=as_corpus or like,
        accept_drift=accept_drift,
        rescore=rescore,
    )
    run_backfill(parse_date(first), parse_date(last), options=options)
    print(f"summary: {BACKFILL_SUMMARY}")
