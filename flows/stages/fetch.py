"""Stage: the network -> the enabled corpora that are not shipped, where they are not there yet. `python -m flows.stages.fetch`."""

import logging
from pathlib import Path

from flows.project import FETCHED
from flows.stages.command_line import run_stage
from mgm.corpus.fetch import CORPORA, describe, fetch
from mgm.settings.core import CoreSettings

_logger = logging.getLogger(__name__)


def main() -> None:
    """Fetch the missing corpora."""
    FETCHED.mkdir(parents=True, exist_ok=True)
    paths = [Path(path) for path in CoreSettings.load().enabled.values() if Path(path).parent == FETCHED]
    for path in paths:
        if path.exists():
            _logger.info(f"fetch {path.stem}: here already")
            continue
        if path.stem not in CORPORA:
            raise ValueError(
                f"{path}: no such file, and nothing fetches it; known: {', '.join(sorted(CORPORA))}"
            )
        fetch(CORPORA[path.stem], FETCHED)
        _logger.info(describe(path))


if __name__ == "__main__":
    run_stage(main)
