"""The origin of a document's predictions, as text and as records: `mgm lineage DOC_ID`."""

from typing import Any

from flows.scoring_options import load_settings
from mgm.scoring.lineage import ScoringEvent, trace_document

GONE = "gone"
"""The outcome of a revision whose rows are gone: nothing tells whether it held the document."""


def lineage_lines(doc_id: str) -> list[str]:
    """Return a block of lines for each revision of a night that held the document, the newest first.

    Revisions whose rows are gone may have held it. They have a block where they are of a night that holds the document now, and all
    of them where none does; else they are one line.

    Raises:
        See `mgm.scoring.lineage.trace_document`.
    """
    records = lineage_records(doc_id)
    dates = {record["date"] for record in records if record["outcome"] != GONE}
    shown = [r for r in records if r["outcome"] != GONE or not dates or r["date"] in dates]
    lines = [line for record in shown for line in _block(record)]
    if not dates:
        lines.insert(
            0, f"no row of document {doc_id!r} is left; revisions whose rows are gone may have held it:"
        )
    if len(shown) < len(records):
        lines.append(
            f"revisions of other nights whose rows are gone, and which may have held it: {len(records) - len(shown)} (--json has them)"
        )
    return lines


def lineage_records(doc_id: str) -> list[dict[str, Any]]:
    """Return a record for each revision of a night that held the document, or whose rows are gone, the newest first.

    Raises:
        See `mgm.scoring.lineage.trace_document`.
    """
    settings = load_settings().score
    events = trace_document(doc_id, predictions=settings.table, rejects=settings.rejects)
    return [_record(event) for event in events]


def _record(event: ScoringEvent) -> dict[str, Any]:
    night = event.night
    return {
        "date": night.date,
        "revision": night.revision,
        "replaced": event.replaced,
        "at": None if event.at is None else event.at.isoformat(timespec="seconds"),
        "outcome": GONE if event.is_gone else "scored" if event.reasons is None else "rejected",
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
    if record["outcome"] == GONE:
        outcome = "its rows are gone, so that nothing tells whether it held the document; it was scored"
    values = {
        "at": record["at"] or "unknown: this night's entry is no longer in the table's log",
        "bundle": record["bundle"],
        "tasks": ", ".join(record["tasks"]) or "unknown",
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
