"""mgm itself under the peers' protocol: one network for all the tasks given, through the library."""

import hashlib
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from mgm.evaluation.prediction_table import predict_part
from mgm.model.decode import decode
from mgm.model.thresholds import Thresholds
from mgm.settings.settings import Settings
from mgm.tasks import Task, with_label_spaces
from mgm.text.features import FeaturePart
from mgm.training.callbacks import Callbacks, EpochReport
from mgm.training.checkpoint import FILE, Checkpoint
from mgm.training.fit import FitResult, fit, plan_training
from mgm.training.validation import Decisions
from mgm.training.wide_tuning import WideMethod

from .rows import Parts, Workspace, joined
from .scores import Outcome, score


def tune(
    workspace: Workspace, tasks: list[Task], settings: Settings, checkpoints: Path
) -> tuple[dict[str, Any], FitResult]:
    """The first fit, on train: its best epoch, its thresholds, and its validation metrics."""
    fitted, seconds = _fit(workspace, workspace.parts, tasks, settings, checkpoints)
    result = fitted.training
    return {
        "best_epoch": result.best_epoch,
        "thresholds": {name: t.to_json() for name, t in fitted.decisions.thresholds.items()},
        "adjustments": fitted.decisions.adjustments,
        "shares": fitted.decisions.wide_weights,
        "wide_methods": {name: asdict(m) for name, m in fitted.decisions.wide_methods.items()},
        "valid": next(r.metrics for r in result.history if r.epoch == result.best_epoch),
        "parameters": sum(p.numel() for p in fitted.network.parameters()),
        "seconds": seconds,
    }, fitted


def refit(
    workspace: Workspace, tasks: list[Task], settings: Settings, checkpoints: Path, tuned: dict[str, Any]
) -> tuple[FitResult, float | None]:
    """A network on train and valid that decides as the first fit was tuned to, and ends after that fit's best epoch, on the
    same schedule: with fewer epochs the rate would fall sooner, which would be another training."""
    thresholds = {name: Thresholds(**t) for name, t in tuned["thresholds"].items()}
    decisions = Decisions(
        thresholds=thresholds,
        adjustments=tuned["adjustments"],
        wide_weights=tuned["shares"],
        wide_methods={name: WideMethod(**m) for name, m in tuned.get("wide_methods", {}).items()},
    )
    parts, last = joined(workspace.parts), tuned["best_epoch"]
    return _fit(workspace, parts, tasks, settings, checkpoints, decisions, last)


def measure(workspace: Workspace, tasks: list[Task], fitted: FitResult) -> dict[str, dict[str, float]]:
    """The metrics of each task on the test split."""
    found: dict[str, list[Outcome]] = {task.name: [] for task in tasks}
    for corpus, parts in workspace.parts.items():
        own = with_label_spaces([t for t in tasks if corpus in t.corpora], workspace.labels)
        for part in parts if own else []:
            for name, outcome in labelled_outcomes(part, own, fitted).items():
                found[name].append(outcome)
    metrics = {}
    for task in tasks:
        rows = workspace.rows(task)
        outcomes = found[task.name]
        outcome = pl.concat(outcomes) if task.kind == "tagging" else np.concatenate(outcomes)
        thresholds = fitted.decisions.thresholds.get(task.name)
        metrics[task.name] = score(rows.filter(rows.of("test")), outcome, thresholds).metrics
    return metrics


def _fit(
    workspace: Workspace,
    parts: Parts,
    tasks: list[Task],
    settings: Settings,
    checkpoints: Path,
    decisions: Decisions | None = None,
    last: int | None = None,
) -> tuple[FitResult, float | None]:
    """A killed training goes on after its last whole epoch; its seconds are then not known."""
    own = {c: p for c, p in parts.items() if any(c in t.corpora for t in tasks)}
    made = plan_training(
        settings,
        with_label_spaces(tasks, workspace.labels),
        parts=own,
        vocabulary_size=workspace.vocabulary_words,
        word_vectors=workspace.vectors,
    )
    facts = {
        "settings": settings.training_sections(),
        "tasks": [t.name for t in tasks],
        "features": workspace.fingerprint,
        "rows": made.data.num_rows,
        "last": last,
        "torch": torch.__version__,
    }
    fingerprint = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    state = Checkpoint(checkpoints / fingerprint[:16], fingerprint)
    resumed = (state.folder / FILE).is_file()
    start = time.perf_counter()
    fitted = fit(
        made,
        settings,
        checkpoint=state,
        callbacks=Callbacks(on_epoch=_say),
        decisions=decisions,
        stop_after_epoch=last,
    )
    state.remove()
    return fitted, None if resumed else round(time.perf_counter() - start, 1)


def _say(report: EpochReport) -> None:
    values = ", ".join(f"{task} {value:.3f}" for task, value in report.metrics.items()) or "no validation"
    print(f"  epoch {report.epoch}: {values}", flush=True)


def labelled_outcomes(part: FeaturePart, tasks: list[Task], fitted: FitResult) -> dict[str, Outcome]:
    """Of the labelled test rows of each task, in the part's order."""
    test_part = FeaturePart(part.documents.filter(pl.col("split") == "test"), part.types)
    found: dict[str, Outcome] = {}
    plain = [t for t in tasks if t.kind != "tagging"]
    decoded = decode(fitted.network, test_part, rows=np.arange(test_part.documents.height), tasks=plain)
    for task in plain:
        known = test_part.documents[task.columns.label].is_not_null().to_numpy()
        found[task.name] = np.asarray(decoded[task.name])[known]
    for task in [t for t in tasks if t.kind == "tagging"]:
        table = predict_part(
            fitted.network, test_part, tasks=[task], thresholds=fitted.decisions.thresholds, splits=["test"]
        )
        found[task.name] = table.filter(pl.col(task.columns.label).is_not_null())[task.columns.prediction]
    return found
