"""Cross-validation: each fold's groups of train and valid are held out of a training of the joint model, then predicted.

`mgm crossval`, or `mgm crossval --folds 10`. The test split is not read.

Of the groups outside a fold a share, `crossval.validation_share` of params.yaml, is the fold's own validation: early stopping goes by
it, and thresholds and the logit adjustment are tuned on it. The held-out rows decide nothing. The fold's vocabulary is refitted;
label spaces, derived stopwords and trained word vectors are those of the train split (mgm/experiments/cross_validation.py). Folds that are
done are kept; a fold that a kill broke off goes on after its last whole epoch.
"""

import sys

if __name__ == "__main__":  # before all else: the command imports this module by its name
    from flows.cli import main

    sys.exit(main(["crossval", *sys.argv[1:]]))

# isort: split
import logging
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flows import lock
from flows.graph import require_up_to_date
from flows.project import DATA, REPORTS, TRAINING
from flows.revision import code_sha256
from flows.training_run import VOCABULARY, Console, checkpoint, corpora_of, inputs, prepare, read_features
from mgm.evaluation.prediction_store import PredictionStore
from mgm.evaluation.prediction_table import fit_baselines, predict_part
from mgm.evaluation.sufficient_statistics import rounded
from mgm.experiments.cross_validation import HELD_OUT, Fold, apply_fold
from mgm.files import read_json, write_json
from mgm.settings.settings import Settings
from mgm.tasks import TASK_KINDS
from mgm.text.features import FeaturePart
from mgm.text.vocabulary import Vocabulary
from mgm.training.data import select_labelled_rows
from mgm.training.fit import FitResult, Plan, fit

FOLDS = DATA / "crossval"
RESULTS = REPORTS / "crossval.json"

_logger = logging.getLogger(__name__)


def crossvalidate(settings: Settings) -> dict[str, Any]:
    """Train and measure every fold that is not done, and return the content of RESULTS.

    Raises:
        ValueError: a fold has no row to train on, to validate on, or to hold out.
    """
    section = settings.crossval
    facts = _facts(settings)
    pending = [n for n in range(section.folds) if _kept(n, section.folds, facts=facts) is None]
    _logger.info(_announcement(section.folds, len(pending)))
    for number in pending:
        _logger.info(f"fold {number + 1}/{section.folds}")
        measured = _measure(settings, number)
        write_json(_place(number, section.folds), {"facts": facts, **measured})
    results = [_kept(number, section.folds, facts=facts) for number in range(section.folds)]
    folds = [fold for fold in results if fold is not None]
    return {
        "folds": [{key: value for key, value in fold.items() if key != "facts"} for fold in folds],
        "tasks": summarize_folds([fold["metrics"] for fold in folds]),
        "crossval": section.model_dump(),
        "settings": facts["settings"],
        "inputs": facts["inputs"],
    }


def summarize_folds(folds: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Return by task and metric the mean over the folds that have a value, the standard deviation, and their number.

    The deviation is that of a sample, and null for one value.

    Args:
        folds: for each fold, task to its entry (see `summary.summarize`).
    """
    found: dict[str, dict[str, Any]] = {}
    for task in sorted({task for fold in folds for task in fold}):
        entries = [fold[task] for fold in folds if task in fold]
        metrics = {}
        for name in [row["metric"] for row in entries[0]["table"]]:
            values = [row["value"] for entry in entries for row in entry["table"] if row["metric"] == name]
            known = [value for value in values if value is not None]
            metrics[name] = {
                "mean": rounded(statistics.fmean(known) if known else math.nan),
                "deviation": rounded(statistics.stdev(known) if len(known) > 1 else math.nan),
                "folds": len(known),
            }
        found[task] = {"kind": entries[0]["kind"], "metrics": metrics}
    return found


def table(tasks: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a line a task and metric: mean, standard deviation, folds with a value; the first metric of each task comes first."""
    width = max(map(len, [*tasks, "task"]))
    lines = [f"{'task':<{width}}  {'metric':<20} {'mean':>7} {'sd':>7}  folds"]
    for task, entry in tasks.items():
        first = TASK_KINDS[entry["kind"]].first_metric
        for name, row in sorted(entry["metrics"].items(), key=lambda item: (item[0] != first, item[0])):
            mean, deviation = (
                "–" if value is None else f"{value:.3f}" for value in (row["mean"], row["deviation"])
            )
            lines.append(f"{task:<{width}}  {name:<20} {mean:>7} {deviation:>7}  {row['folds']}")
    return lines


def _measure(settings: Settings, number: int) -> dict[str, Any]:
    """Train a fold, tune it on its own validation, and return its metrics on the rows that it holds out."""
    tasks, section = settings.active_tasks(), settings.crossval
    where = f"fold {number + 1} of {section.folds}"
    fold = Fold(number=number, count=section.folds, validation=section.validation_share, seed=settings.seed)
    parts = apply_fold(
        {corpus: read_features(corpus, settings.model.pretrained) for corpus in corpora_of(settings, tasks)},
        fold,
        vocabulary_size=len(Vocabulary.load(VOCABULARY)),
        min_count=settings.text.features.min_count,
    )
    plan = prepare(settings, tasks, parts=parts)
    held_out = select_labelled_rows(parts, tasks, splits=[HELD_OUT])
    for sources, purpose in (
        (plan.data.train, "train on"),
        (plan.data.validation, "validate on"),
        (held_out, "hold out"),
    ):
        if not sources:
            raise ValueError(
                f"{where}: no labelled row to {purpose}; try another number of folds or crossval.validation_share"
            )
    state = checkpoint(f"crossval-{number}-of-{section.folds}", settings, tasks=tasks)
    fitted = fit(plan, settings, checkpoint=state, callbacks=Console(settings.train.epochs))
    metrics = _tested(plan, fitted, parts=parts).metrics(resamples=0, seed=settings.seed)
    state.remove()
    return {
        "fold": number + 1,
        "rows": {
            "train": plan.data.num_rows,
            "valid": sum(len(source.rows) for source in plan.data.validation),
            "held_out": sum(len(source.rows) for source in held_out),
        },
        "best_epoch": fitted.training.best_epoch,
        "metrics": {task: entry for task, entry in metrics.items() if entry["n"]},
    }


def _tested(plan: Plan, fitted: FitResult, *, parts: Mapping[str, Sequence[FeaturePart]]) -> PredictionStore:
    """Return the predictions on the rows that are held out."""
    store, baselines = PredictionStore(plan.tasks), fit_baselines(plan.tasks, parts)
    for corpus, corpus_parts in parts.items():
        tasks = [task for task in plan.tasks if corpus in task.corpora]
        for part in corpus_parts:
            predictions = predict_part(
                fitted.network,
                part,
                tasks=tasks,
                thresholds=fitted.decisions.thresholds,
                splits=[HELD_OUT],
                baselines=baselines,
            )
            store.add(corpus, part.documents, predictions=predictions)
    return store


def _facts(settings: Settings) -> dict[str, Any]:
    """Return everything that a fold's result depends on."""
    tasks = settings.active_tasks()
    return {
        "settings": settings.training_sections(),
        "crossval": settings.crossval.model_dump(mode="json"),
        "tasks": [task.model_dump(mode="json") for task in tasks],
        "inputs": inputs(settings, tasks),
        "code": code_sha256("evaluation", "model", "training"),
    }


def _place(number: int, count: int) -> Path:
    return FOLDS / f"{number + 1}_of_{count}.json"


def _kept(number: int, count: int, *, facts: dict[str, Any]) -> dict[str, Any] | None:
    """Return the result of a fold if it was made from the same facts; None if it is still to be made."""
    path = _place(number, count)
    content: dict[str, Any] = read_json(path) if path.is_file() else {}
    return content if content.get("facts") == facts else None


def _announcement(folds: int, pending: int) -> str:
    """Return a line with the trainings to come and their estimated time."""
    text = f"crossval: {folds} folds, {folds - pending} of them done already"
    if not pending:
        return text
    if not TRAINING.is_file():
        return f"{text}; no joint model was trained here, so the cost is not known before the first fold"
    minutes = read_json(TRAINING)["seconds"] / 60
    return f"{text}; {pending} x the joint model's {minutes:.1f} minutes are about {pending * minutes:.0f} minutes"


def run_crossval(folds: int | None = None) -> list[str]:
    """Cross-validate with the settings of params.yaml, write RESULTS, and return its lines for people.

    Args:
        folds: their number; None: `crossval.folds`.

    Raises:
        ValueError: a setting is wrong, a stage before training is out of date, or a fold lacks rows.
        BlockingIOError: another run is at work in this folder.
    """
    with lock.workspace():
        settings = Settings.load()
        if folds is not None:
            if folds < 2:
                raise ValueError(f"--folds: found {folds}, expected at least 2")
            crossval = settings.crossval.model_copy(update={"folds": folds})
            settings = settings.model_copy(update={"crossval": crossval})
        require_up_to_date()
        content = crossvalidate(settings)
    write_json(RESULTS, content)
    return [*table(content["tasks"]), f"written to {RESULTS}"]
