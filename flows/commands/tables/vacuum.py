"""`mgm tables vacuum`: files that nothing needs are removed."""

from typing import Annotated

import typer

from mgm.scoring.retention import DEFAULT_DAYS, MIN_DAYS


def vacuum(
    *,
    keep_days: Annotated[
        int,
        typer.Option(
            metavar="DAYS",
            min=MIN_DAYS,
            help="Keep every file that was written or replaced in the last days.",
        ),
    ] = DEFAULT_DAYS,
    drop_replaced: Annotated[
        bool,
        typer.Option(
            "--drop-replaced",
            help="Also remove the rows of replaced revisions; `mgm lineage` then lists these as gone.",
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the files and remove none.")] = False,
) -> None:
    """Remove the files of both tables that nothing needs.

    These are files that `mgm tables optimize` has replaced, and those of runs that were killed. Rows of replaced revisions stay, so that
    `mgm lineage` finds them.
    """
    from flows.tables import vacuum_tables

    print(
        *vacuum_tables(keep_days=keep_days, keep_replaced=not drop_replaced, dry_run=dry_run),
        sep="\n",
    )
