"""The gate before scoring: it judges a night's raw documents, and writes the verdict beside the output."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from flows.gates.data_docs import write_page
from flows.gates.gate import DATA_DOCS
from flows.gates.runner import run_suite
from flows.gates.suite import Parameters
from flows.gates.verdict import Finding, Verdict
from flows.night_files import REFUSED
from mgm.files import write_json
from mgm.quality.night_rows import NightRows
from mgm.scoring.night_frames import NightReader, night_frames
from mgm.scoring.reject_budget import TooManyRejects
from mgm.settings.gates import GateSettings

GATE = "score"


@dataclass(frozen=True, kw_only=True)
class NightVerdict:
    """The verdict on a night, and every measure of drift (columns: mgm/quality/drift.py)."""

    verdict: Verdict
    drift: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """Return the content of the verdict file."""
        return self.verdict.as_dict() | {"drift": self.drift}


def _is_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


# Prefect shows what every library logs, and this one logs each temporary folder; its level is set when it is imported.
logging.getLogger("great_expectations.data_context.types.base").addFilter(_is_warning)


def judge_night(
    night: NightRows, reader: NightReader, *, output: Path, gates: GateSettings, accept_drift: bool
) -> NightVerdict:
    """Judge documents before any of them is scored, and add a page to the Data Docs.

    The verdict on a night that may not be scored is `output`/gate_refused.json; other files there, the verdict on an earlier run
    too, stay. The caller writes gate.json when it begins to replace the output.

    Args:
        night: the collected facts of all documents of `reader`.
    """
    may_stop = gates.score.drift == "stop" and not accept_drift
    frames = night_frames(night, reader, gates=gates, may_stop=may_stop)
    thresholds = gates.score.model_dump(include={"blank_warn", "blank_stop"})
    verdict = run_suite(GATE, reader.as_corpus, frames=frames, parameters=Parameters(thresholds=thresholds))
    write_page(DATA_DOCS, verdict, at=datetime.now(UTC), keep=gates.data_docs_keep)
    night_verdict = NightVerdict(verdict=verdict, drift=pl.concat(frames["drift"].blocks()).to_dicts())
    if verdict.passed:
        (output / REFUSED).unlink(missing_ok=True)
    else:
        write_json(output / REFUSED, night_verdict.as_dict())
    return night_verdict


def refuse_rejects(output: Path, error: TooManyRejects, *, as_corpus: str | None) -> None:
    """Write the verdict on a night that rejects too many documents, as one of a failed check."""
    finding = Finding(
        suite="(after scoring)",
        corpus=as_corpus,
        severity="critical",
        expectation="share of rejected documents",
        frame="rejects",
        column="rejected",
        observed=str(error).removeprefix("rejected: "),
        threshold="params.yaml: gates.score.reject_stop",
        rows=[],
        examples=[],
        notes="Nearly every document gets a prediction.",
    )
    verdict = Verdict(gate=GATE, corpus=as_corpus, num_checks=1, warnings=[], failures=[finding], outcomes=[])
    write_json(output / REFUSED, NightVerdict(verdict=verdict, drift=[]).as_dict())
