"""What scored a document, and when, in words: `mgm lineage DOC_ID`."""

from mgm.scoring.lineage import Scored, lineage
from mgm.settings.core import PARAMS
from mgm.settings.scoring import ScoreSettings
from mgm.settings.views.scoring import ScoringSettings


def lineage_lines(doc_id: str) -> list[str]:
    """A block of lines for each revision of a night that held the document, the newest first.

    Raises:
        See `mgm.scoring.lineage.lineage`.
    """
    settings = ScoringSettings.load().score if PARAMS.is_file() else ScoreSettings()
    return [line for one in lineage(settings.table, settings.rejects, doc_id) for line in _block(one)]


def _block(scored: Scored) -> list[str]:
    night = scored.night
    outcome = "scored" if scored.reasons is None else f"rejected: {', '.join(scored.reasons)}"
    values = {
        "at": scored.at.isoformat(timespec="seconds"),
        "bundle": night.bundle,
        "tasks": ", ".join(night.tasks),
        "input": night.input_sha256,
        "code": night.code,
        "dvc.lock": night.dvc_lock or "none",
        "flow run": night.flow_run or "none",
    }
    replaced = " (replaced since)" if scored.replaced else ""
    return [
        f"night {night.date}, revision {night.revision}{replaced}: {outcome}",
        *(f"  {name:<9} {value}" for name, value in values.items()),
    ]
