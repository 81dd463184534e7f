"""The origin of a document's predictions, as text and as records: `mgm lineage DOC_ID`."""

from typing import Any

from flows.scoring_options import load_settings
from mgm.scoring.lineage import ScoringEvent, trace_document


def lineage_lines(doc_id: str) -> list[str]:
    """Return a block of lines for each revision of a night that held the document, the newest first.

    Raises:
        See `mgm.scoring.lineage.trace_document`.
    """
    return [line for record in lineage_records(doc_id) for line in _block(record)]


def lineage_records(doc_id: str) -> list[dict[str, Any]]:
    """Return a record for each revision of a night that held the document, the newest first.

    Raises:
        See `mgm.scoring.lineage.trace_document`.
    """
    settings, _ = load_settings()
    events = trace_document(doc_id, predictions=settings.table, rejects=settings.rejects)
    return [_record(event) for event in events]


def _record(event: ScoringEvent) -> dict[str, Any]:
    night = event.night
    return {
        "date": night.date,
        "revision": night.revision,
        "replaced": event.replaced,
        "at": event.at.isoformat(timespec="seconds"),
        "outcome": "scored" if event.reasons is None else "rejected",
        "reasons": event.reasons or [],
        "bundle": night.bundle,
        "tasks": list(night.tasks),
        "input": night.input_sha256,
        "code": night.code,
        "dvc_lock": night.dvc_lock or None,
        "flow_run": night.flow_run or None,
    }


def _block(record: dict[str, Any]) -> list[str]:
    outcome = ": ".join([record["outcome"], *filter(None, [", ".join(record["reasons"])])])
    values = {
        "at": record["at"],
        "bundle": record["bundle"],
        "tasks": ", ".join(record["tasks"]),
        "input": record["input"],
        "code": record["code"],
        "dvc.lock": record["dvc_lock"] or "none",
        "flow run": record["flow_run"] or "none",
    }
    replaced = " (replaced since)" if record["replaced"] else ""
    return [
        f"night {record['date']}, revision {record['revision']}{replaced}: {outcome}",
        *(f"  {name:<9} {value}" for name, value in values.items()),
    ]
