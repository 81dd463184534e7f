"""The gates of the pipeline: each judges the output of a stage and writes the verdict file that the next stage depends on."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.champion import champion_profile, champion_profiles
from flows.gates.data_docs import write_page
from flows.gates.runner import run_suite
from flows.gates.suite import Parameters
from flows.gates.verdict import Verdict
from flows.project import DOCUMENTS, FEATURES, GATES, REPORTS, STAGES, UNIQUE, rejects_folder
from mgm.files import read_json, write_json
from mgm.quality.corpus_output import CleaningReport, CorpusOutput
from mgm.quality.documents import document_frames, length_reference
from mgm.quality.features import feature_frames
from mgm.quality.frame import Frame
from mgm.settings.names import nearest
from mgm.settings.views.gating import GatingSettings

TABLES = {"ingest": DOCUMENTS, "clean": UNIQUE}
"""The table that a gate judges. The one after cleaning comes after deduplication too, whose output later stages read."""
GATE_NAMES = (*TABLES, "features")
DATA_DOCS = REPORTS / "data_docs"


def run_gate(gate: str, corpus: str | None, *, settings: GatingSettings) -> Verdict:
    """Judge the output of a stage, add a page to the Data Docs and write the verdict.

    Only a gate that passes leaves a file at `verdict_path`.

    Raises:
        FileNotFoundError: the stage has not run.
        ValueError: an unknown gate or corpus, or a suite that cannot be evaluated.
    """
    _check_names(gate, corpus, settings=settings)
    passed, failed = verdict_path(gate, corpus), verdict_path(gate, corpus, failed=True)
    # Both are removed first: if this process is stopped, no verdict on other data may stay.
    passed.unlink(missing_ok=True)
    failed.unlink(missing_ok=True)
    computed = {} if corpus is None else {"length_reference": length_reference(champion_profile(corpus))}
    parameters = Parameters(thresholds=getattr(settings.gates, gate).model_dump(), computed=computed)
    verdict = run_suite(
        gate, corpus, frames=_build_frames(gate, corpus, settings=settings), parameters=parameters
    )
    write_page(DATA_DOCS, verdict, at=datetime.now(UTC), keep=settings.gates.data_docs_keep)
    write_json(passed if verdict.passed else failed, verdict.as_dict())
    return verdict


def verdict_path(gate: str, corpus: str | None, *, failed: bool = False) -> Path:
    """Return the path of the verdict; that of a failed gate is another, so that the next stage lacks its dependency."""
    folder = GATES / "failed" if failed else GATES
    return folder / f"{gate}.json" if corpus is None else folder / gate / f"{corpus}.json"


def _check_names(gate: str, corpus: str | None, *, settings: GatingSettings) -> None:
    if gate not in GATE_NAMES:
        raise ValueError(f"no gate {gate!r}{nearest(gate, GATE_NAMES)}")
    if gate == "features" and corpus is not None:
        raise ValueError(
            f"the features gate checks all enabled corpora at once, found the argument {corpus!r}"
        )
    if gate in TABLES and corpus is None:
        raise ValueError(f"the {gate} gate needs a corpus (enabled: {', '.join(settings.enabled)})")
    if corpus is not None and corpus not in settings.enabled:
        raise ValueError(f"no enabled corpus {corpus!r}{nearest(corpus, settings.enabled)}")


def _build_frames(gate: str, corpus: str | None, *, settings: GatingSettings) -> dict[str, Frame]:
    if corpus is None:
        return feature_frames(
            FEATURES,
            STAGES / "features.json",
            corpora=list(settings.enabled),
            tasks=settings.active_tasks(),
            references=champion_profiles(),
            gates=settings.gates,
        )
    output = CorpusOutput(
        documents=TABLES[gate] / corpus,
        rejects=rejects_folder(gate, corpus),
        split_column_unused=_read_statistics("ingest", corpus)["split_column_unused"]
        if gate == "ingest"
        else None,
        cleaning=_read_cleaning_report(corpus) if gate == "clean" else None,
    )
    return document_frames(
        output,
        tasks=settings.tasks_for(corpus),
        gates=settings.gates,
        lang=settings.corpora[corpus].lang,
        reference=champion_profile(corpus),
    )


def _read_cleaning_report(corpus: str) -> CleaningReport:
    """Return the output of the stages clean and deduplicate beside their table.

    Raises:
        FileNotFoundError: one of them has not run.
    """
    return CleaningReport(
        copies=rejects_folder("deduplicate", corpus),
        cleaned=_read_statistics("clean", corpus),
        deduplicated=_read_statistics("deduplicate", corpus),
    )


def _read_statistics(stage: str, corpus: str) -> dict[str, Any]:
    """Return what a stage wrote about a corpus.

    Raises:
        FileNotFoundError: it has not run.
    """
    statistics: dict[str, Any] = read_json(STAGES / stage / f"{corpus}.json")
    return statistics
