"""The flow that scores a night's documents with the champion, exactly once: `mgm score --date 2026-11-20`.

A gate judges the documents first: documents that it refuses are not scored, and earlier scores stay. A night that is in the table is
not scored again (`--rescore` replaces it), and a run after a kill continues from the shards that are done.
"""

import sys

if __name__ == "__main__":  # before all else: the command imports this module by its name
    from flows.cli import main

    sys.exit(main(["score", *sys.argv[1:]]))

# isort: split
from datetime import date
from typing import Any

from prefect import flow

from flows import server
from flows.errors import CommandFailed
from flows.night import score_date
from flows.scoring_options import ScoringOptions, load_settings
from mgm.scoring.commits import NightConflict
from mgm.scoring.isolation import ModelBroken


@flow(name="score", validate_parameters=False)
def score_flow(day: date, options: ScoringOptions) -> dict[str, Any]:
    """Score a night with the settings of params.yaml; see `flows.night.score_date`."""
    settings, gates, compute = load_settings()
    return score_date(day, options, settings=settings, gates=gates, compute=compute)


def run_score(day: date, options: ScoringOptions) -> dict[str, Any]:
    """Run the flow with a temporary server where no other is set, and return the night's summary.

    Raises:
        CommandFailed: another run has committed the night meanwhile, or the model fails for too many documents.
        Whatever else `flows.night.score_date` raises.
    """
    server.start_temporary()
    try:
        return score_flow(day, options)
    except NightConflict as error:
        raise CommandFailed(f"{error}; --rescore replaces the night") from error
    except ModelBroken as error:
        raise CommandFailed(str(error)) from error
