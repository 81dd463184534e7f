"""Stage: a table -> the verdict of its gate. `python -m flows.stages.gate ingest CORPUS`, `... clean CORPUS`, `... features`."""

import logging
import sys

from flows.gates.engine import load_library
from flows.gates.gate import run_gate, verdict_path
from flows.stages.command_line import run_stage
from mgm.settings.views.gating import GatingSettings

_logger = logging.getLogger(__name__)


def main(gate: str = "", corpus: str | None = None) -> int:
    """Run one gate; return 1 where it does not pass."""
    verdict = run_gate(gate, corpus, settings=GatingSettings.load())
    for finding in [*verdict.warnings, *verdict.failures]:
        print(finding, file=sys.stderr, flush=True)
    name = f"gate {gate}" + (f" {corpus}" if corpus else "")
    counts = (
        f"{verdict.num_checks} checks, {len(verdict.warnings)} warnings, {len(verdict.failures)} failures"
    )
    path = verdict_path(gate, corpus, failed=not verdict.passed)
    if verdict.passed:
        _logger.info(f"{name}: passed: {counts} ({path})")
    else:
        _logger.error(f"{name}: STOPPED: {counts} ({path})")
    return 0 if verdict.passed else 1


def warm_up() -> None:
    """Import what a gate imports late, in the process that stages are forked from (flows/warm_stages.py)."""
    load_library()


if __name__ == "__main__":
    run_stage(main)
