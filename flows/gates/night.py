"""The gate before scoring: frames of a night's raw documents, the suite `score.json`, and the verdict beside the output."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.gates.data_docs import write_page
from flows.gates.gate import DATA_DOCS
from flows.gates.runner import Verdict, check
from mgm.files import write_json
from mgm.quality.night_rows import NightRows
from mgm.scoring.night_frames import NightReader, night_frames
from mgm.settings.gates import GateSettings

GATE = "score"
REFUSED = "gate_refused.json"


@dataclass(frozen=True)
class Judged:
    """The verdict on a night, and every measure of drift (columns: drift_frames.py)."""

    verdict: Verdict
    drift: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        return self.verdict.as_dict() | {"drift": self.drift}


def _of_note(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


# Prefect shows what every library logs, and this one tells of each temporary folder; its level is set when it is imported.
logging.getLogger("great_expectations.data_context.types.base").addFilter(_of_note)


def judge_night(
    night: NightRows, reader: NightReader, *, output: Path, gates: GateSettings, accept_drift: bool
) -> Judged:
    """Check documents before any of them is scored, and add a page to the Data Docs.

    The verdict on a night that may not be scored is `output`/gate_refused.json; other files there, the verdict on an earlier run
    too, stay. The caller writes gate.json when it begins to replace the output.

    Args:
        night: the collected facts of all documents of `reader`.
    """
    may_stop = gates.score.drift == "stop" and not accept_drift
    frames = night_frames(night, reader, gates=gates, may_stop=may_stop)
    budgets = gates.score.model_dump(include={"blank_warn", "blank_stop"})
    verdict = check(GATE, reader.as_corpus, frames, budgets)
    write_page(DATA_DOCS, verdict, datetime.now(UTC), gates.data_docs_keep)
    if verdict.passed:
        (output / REFUSED).unlink(missing_ok=True)
    judged = Judged(verdict, frames["drift"].rows.to_dicts())
    if not verdict.passed:
        write_json(output / REFUSED, judged.as_dict())
    return judged
