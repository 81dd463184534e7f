"""The origin of a document's predictions as text: `mgm lineage DOC_ID`."""

from flows.scoring_options import load_settings
from mgm.scoring.lineage import ScoringEvent, trace_document


def lineage_lines(doc_id: str) -> list[str]:
    """Return a block of lines for each revision of a night that held the document, the newest first.

    Raises:
        See `mgm.scoring.lineage.trace_document`.
    """
    settings, _ = load_settings()
    events = trace_document(doc_id, predictions=settings.table, rejects=settings.rejects)
    return [line for event in events for line in _block(event)]


def _block(event: ScoringEvent) -> list[str]:
    night = event.night
    outcome = "scored" if event.reasons is None else f"rejected: {', '.join(event.reasons)}"
    values = {
        "at": event.at.isoformat(timespec="seconds"),
        "bundle": night.bundle,
        "tasks": ", ".join(night.tasks),
        "input": night.input_sha256,
        "code": night.code,
        "dvc.lock": night.dvc_lock or "none",
        "flow run": night.flow_run or "none",
    }
    replaced = " (replaced since)" if event.replaced else ""
    return [
        f"night {night.date}, revision {night.revision}{replaced}: {outcome}",
        *(f"  {name:<9} {value}" for name, value in values.items()),
    ]
