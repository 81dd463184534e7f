"""The gates: frames of what a stage wrote, its suite, and the verdict file that the next stage depends on."""

from datetime import UTC, datetime
from pathlib import Path

from flows.champion import CHAMPION, reference
from flows.gates.data_docs import write_page
from flows.gates.runner import Frame, Verdict, check
from flows.project import DATA, REPORTS, rejects_folder
from mgm.files import read_json, write_json
from mgm.quality.documents import Cleaning, document_frames, length_reference
from mgm.quality.features import feature_frames
from mgm.settings.names import nearest
from mgm.settings.views.gating import GatingSettings

# What a gate judges. The one after cleaning comes after deduplication too, whose result is what later stages read.
TABLES = {"ingest": DATA / "documents", "clean": DATA / "unique"}
GATES = (*TABLES, "features")
DATA_DOCS = REPORTS / "data_docs"


def run_gate(gate: str, corpus: str | None, settings: GatingSettings) -> Verdict:
    """Checks what a stage wrote, adds a page to the Data Docs and writes the verdict; only a gate that passes leaves a file at `verdict_path`.

    Raises:
        FileNotFoundError: the stage has not run.
        ValueError: an unknown gate or corpus, or a suite that cannot be evaluated.
    """
    _check_names(gate, corpus, settings)
    passed, failed = verdict_path(gate, corpus), verdict_path(gate, corpus, failed=True)
    # Both first: whatever stops this process, no verdict on other data may stay behind.
    passed.unlink(missing_ok=True)
    failed.unlink(missing_ok=True)
    frames = _frames(gate, corpus, settings)
    known = {} if corpus is None else {"length_reference": length_reference(reference(corpus))}
    verdict = check(gate, corpus, frames, getattr(settings.gates, gate).model_dump(), known=known)
    write_page(DATA_DOCS, verdict, datetime.now(UTC), settings.gates.data_docs_keep)
    write_json(passed if verdict.passed else failed, verdict.as_dict())
    return verdict


def verdict_path(gate: str, corpus: str | None, failed: bool = False) -> Path:
    """Where the verdict lies. That of a failed gate lies elsewhere, so that the next stage lacks its dependency."""
    folder = REPORTS / "gates" / "failed" if failed else REPORTS / "gates"
    return folder / f"{gate}.json" if corpus is None else folder / gate / f"{corpus}.json"


def _check_names(gate: str, corpus: str | None, settings: GatingSettings) -> None:
    if gate not in GATES:
        raise ValueError(f"no gate {gate!r}{nearest(gate, GATES)}")
    if gate == "features" and corpus is not None:
        raise ValueError(
            f"the features gate checks all enabled corpora at once, found the argument {corpus!r}"
        )
    if gate in TABLES and corpus is None:
        raise ValueError(f"the {gate} gate needs a corpus (enabled: {', '.join(settings.enabled)})")
    if corpus is not None and corpus not in settings.enabled:
        raise ValueError(f"no enabled corpus {corpus!r}{nearest(corpus, settings.enabled)}")


def _frames(gate: str, corpus: str | None, settings: GatingSettings) -> dict[str, Frame]:
    if corpus is None:
        return feature_frames(
            DATA / "features",
            REPORTS / "stages" / "features.json",
            list(settings.enabled),
            settings.active_tasks(),
            (reference() or {}) if CHAMPION.is_file() else None,
            settings.gates,
        )
    return document_frames(
        TABLES[gate] / corpus,
        rejects_folder(gate, corpus),
        settings.tasks_for(corpus),
        settings.gates,
        settings.corpora[corpus].lang,
        reference(corpus),
        _cleaning(corpus) if gate == "clean" else None,
    )


def _cleaning(corpus: str) -> Cleaning:
    """What the stages between the two gates say of a corpus.

    Raises:
        FileNotFoundError: one of them has not run.
    """
    statistics = [
        read_json(REPORTS / "stages" / stage / f"{corpus}.json") for stage in ("clean", "deduplicate")
    ]
    return Cleaning(rejects_folder("deduplicate", corpus), *statistics)
