"""Maintenance of the tables of predictions and rejects, by command and by schedule."""

from prefect import flow, get_run_logger

from flows.scoring_options import load_settings
from mgm.scoring import maintenance
from mgm.scoring.retention import DEFAULT_DAYS

MAX_FILES_SHOWN = 20


# a night that is committed at the same time fails neither of the two for good
@flow(name="maintain-tables", retries=2, retry_delay_seconds=300, persist_result=False)
def maintain_tables(keep_days: int = DEFAULT_DAYS, keep_replaced: bool = True) -> None:
    """Put the small files of the tables together, and remove those that nothing needs."""
    logger = get_run_logger()
    for line in (*compact_tables(), *vacuum_tables(keep_days=keep_days, keep_replaced=keep_replaced)):
        logger.info("%s", line)


def compact_tables() -> list[str]:
    """Compact both tables, and return a line for each.

    Raises:
        OSError: see `mgm.scoring.maintenance.compact`.
    """
    lines = []
    for location in _locations():
        done = maintenance.compact(location)
        lines.append(
            f"{location}: no table yet"
            if done is None
            else f"{location}: {done.files_before:,} files before, {done.files_after:,} now"
        )
    return lines


def vacuum_tables(*, keep_days: int, keep_replaced: bool = True, dry_run: bool = False) -> list[str]:
    """Vacuum both tables, and return lines for each: the number of files, and with `dry_run` the first of their names.

    Raises:
        ValueError, OSError: see `mgm.scoring.maintenance.vacuum`.
    """
    lines = []
    for location in _locations():
        files = maintenance.vacuum(
            location, keep_days=keep_days, keep_replaced=keep_replaced, dry_run=dry_run
        )
        if files is None:
            lines.append(f"{location}: no table yet")
            continue
        lines.append(f"{location}: {len(files):,} files {'would be removed' if dry_run else 'removed'}")
        if dry_run:
            lines += [f"  {name}" for name in files[:MAX_FILES_SHOWN]]
            if len(files) > MAX_FILES_SHOWN:
                lines.append(f"  and {len(files) - MAX_FILES_SHOWN:,} more")
    return lines


def _locations() -> tuple[str, str]:
    settings = load_settings().score
    return settings.table, settings.rejects
