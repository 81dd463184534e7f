"""The artifacts of a flow run on Prefect's pages. Each kind has one key, so that its versions stand one above another.

They are for readers alone: outside a flow run nothing is written, and a server that does not answer fails no run.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from prefect import get_run_logger
from prefect.artifacts import (
    create_link_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.runtime import flow_run

METRICS, GATES, REPORT = "metrics", "gates", "report"
RETRAIN_PROGRESS, BACKFILL_PROGRESS = "retrain-progress", "backfill-progress"
NIGHT, NIGHT_PAGE, BACKFILL = "night", "night-page", "backfill"
KEYS = (METRICS, GATES, REPORT, RETRAIN_PROGRESS, BACKFILL_PROGRESS, NIGHT, NIGHT_PAGE, BACKFILL)


def publish_table(key: str, rows: Sequence[dict[str, Any]], *, description: str) -> None:
    """Publish a table of dicts, one a row."""
    _publish(lambda: create_table_artifact(table=list(rows), key=key, description=description))


def publish_link(key: str, page: Path, *, description: str) -> None:
    """Publish a link to a page on the machine of the run."""
    url = page.resolve().as_uri()
    _publish(lambda: create_link_artifact(url, link_text=str(page), key=key, description=description))


class Progress:
    """A progress bar over `total` steps."""

    def __init__(self, key: str, description: str, *, total: int) -> None:
        self._total = total
        self._id: Any = _publish(lambda: create_progress_artifact(0.0, key=key, description=description))

    def update(self, num_done: int) -> None:
        """Set the bar to `num_done` of the steps."""
        if isinstance(self._id, UUID):
            percent = 100.0 * num_done / max(self._total, 1)
            _publish(lambda: update_progress_artifact(self._id, percent))


def _publish(create: Callable[[], Any]) -> Any:
    if flow_run.id is None:
        return None
    try:
        return create()
    except httpx.HTTPError as error:
        get_run_logger().warning("an artifact was not written: %s", error)
        return None
