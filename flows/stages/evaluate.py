"""Stage: models/candidate + data/features -> data/predictions, reports/metrics.json, reports/evaluation, reports/plots.

Where the candidate was fitted again (train.refit), what it has learned from is predicted by its first fit, models/first_fit.
"""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.project import ENCODED, FEATURES, METRICS, PREDICTIONS, REPORTS
from flows.stages.command_line import run_stage
from flows.unseen_fit import load_fits
from mgm.bundle.bundle import Bundle
from mgm.bundle.compiled import compile_network
from mgm.corpus.parts import read_table
from mgm.corpus.readers import Dialect
from mgm.evaluation.calibration import headline, reliability_curve
from mgm.evaluation.generation_examples import examples
from mgm.evaluation.kinds import evaluation_of
from mgm.evaluation.linear_baseline import compare_with_linear, predict_linear, why_no_baseline
from mgm.evaluation.out_of_distribution import PLACE, Errors, separation
from mgm.evaluation.prediction_store import PredictionStore, SplitPredictor, check_splits, write_tables
from mgm.evaluation.predictions import select_labelled
from mgm.evaluation.summary import SPLIT, summary_lines
from mgm.files import write_json
from mgm.pretrained.store import read_encoded_parts
from mgm.scoring.held_out import sample_evenly
from mgm.scoring.inputs import Inputs
from mgm.scoring.scorer import Scorer
from mgm.settings.core import PARAMS
from mgm.settings.corpora import CorpusSettings
from mgm.settings.views.evaluation import EvaluationSettings
from mgm.tasks import RECONSTRUCTION
from mgm.text.feature_tables import read_feature_parts

_logger = logging.getLogger(__name__)

DETAILS = REPORTS / "evaluation"
CONFUSION = REPORTS / "plots" / "confusion"
RELIABILITY = REPORTS / "plots" / "reliability"


def main() -> None:
    """Predict the validation and test splits with the candidate, and write its metrics."""
    settings = EvaluationSettings.load()
    check_splits(settings.evaluate)
    fits = load_fits()
    bundle = fits.unseen(SPLIT)
    # a corpus or task that was switched off leaves nothing behind
    for folder in (PREDICTIONS, DETAILS, CONFUSION, RELIABILITY):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    corpora = [c for c in settings.enabled if any(c in task.corpora for task in bundle.tasks)]
    store = write_tables(
        PREDICTIONS,
        {
            corpus: read_encoded_parts(FEATURES / corpus, ENCODED, settings=bundle.settings.model.pretrained)
            for corpus in corpora
        },
        tasks=bundle.tasks,
        predictors=[
            SplitPredictor(
                splits=splits,
                network=fit.network,
                thresholds=fit.thresholds,
                compiled=compile_network(fit),
            )
            for fit, splits in fits.splits_by_fit(settings.evaluate.splits)
        ],
    )
    write_json(PREDICTIONS / "labels.json", bundle.labels)
    metrics = store.metrics(resamples=settings.evaluate.bootstrap, seed=settings.seed)
    metrics_of_calibration = _write_details(store, bundle, settings=settings)
    linear = _compare_with_linear(store, bundle, corpora=corpora, settings=settings)
    metrics = {
        name: entry | metrics_of_calibration.get(name, {}) | {"linear": linear[name]} | fits.entry(SPLIT)
        for name, entry in metrics.items()
    }
    write_json(METRICS, metrics)
    _logger.info("\n".join([f"{SPLIT} split:", *summary_lines(metrics)]))
    if settings.evaluate.ood_inputs:
        _write_separation(settings, Scorer(bundle), corpora=corpora)


def _write_details(
    store: PredictionStore, bundle: Bundle, *, settings: EvaluationSettings
) -> dict[str, dict[str, Any]]:
    """Write the files of every task; return the calibration's part of metrics.json by task."""
    metrics = {}
    of_tasks = store.details(settings.evaluate, settings.seed, calibrations=bundle.calibrations)
    for name, content in of_tasks.items():
        task = next(task for task in bundle.tasks if task.name == name)
        rows = select_labelled(store.rows(task), task)
        pairs = evaluation_of(task).class_pairs(rows, task)
        if pairs is not None:
            pairs.write_csv(CONFUSION / f"{name}.csv")
        if task.spec.generates_text:
            features = {
                corpus: read_encoded_parts(
                    FEATURES / corpus, ENCODED, settings=bundle.settings.model.pretrained
                )
                for corpus in task.corpora
            }
            content["generated"] = examples(bundle.network, features, rows=rows, task=task)
        write_json(DETAILS / f"{name}.json", content)
        if content["calibration"] is not None:
            reliability_curve(content["calibration"]).write_csv(RELIABILITY / f"{name}.csv")
            metrics[name] = headline(content["calibration"])
    return metrics


def _compare_with_linear(
    store: PredictionStore, bundle: Bundle, *, corpora: Sequence[str], settings: EvaluationSettings
) -> dict[str, dict[str, Any]]:
    """Return the linear baseline's part of metrics.json by task."""
    linear = predict_linear(
        bundle.network,
        {corpus: read_feature_parts(FEATURES / corpus) for corpus in corpora},
        tasks=bundle.tasks,
        baselines=bundle.linear_baselines,
    )
    return compare_with_linear(
        {task.name: store.rows(task) for task in bundle.tasks},
        linear,
        tasks=bundle.tasks,
        why_none={task.name: why_no_baseline(bundle.network, task) for task in bundle.tasks},
        resamples=settings.evaluate.bootstrap,
        seed=settings.seed,
    )


def _write_separation(settings: EvaluationSettings, scorer: Scorer, *, corpora: Sequence[str]) -> None:
    """Write how well the reconstruction error separates other documents from those of the test split."""
    if not scorer.bundle.network.reconstructs:
        raise ValueError(
            f"{PARAMS}: evaluate.ood_inputs: model.fusion: {scorer.bundle.settings.model.fusion} has no reconstruction error to "
            "separate documents by; expected stacked_autoencoder, or evaluate.ood_inputs: {}"
        )
    evaluate = settings.evaluate
    test_errors = {c: _test_errors(PREDICTIONS / c, evaluate.ood_documents) for c in corpora}
    content = separation(
        {corpus: errors for corpus, errors in test_errors.items() if len(errors)},
        {
            name: _out_of_distribution_errors(name, settings, scorer=scorer)
            for name in sorted(evaluate.ood_inputs)
        },
        resamples=evaluate.bootstrap,
        seed=settings.seed,
    )
    write_json(Path(*PLACE), content)
    for name, entry in content["out_of_distribution"].items():
        _logger.info(f"{name}: AUROC {entry['auroc']} of the reconstruction error against the test split")


def _out_of_distribution_errors(name: str, settings: EvaluationSettings, *, scorer: Scorer) -> Errors:
    """Return the reconstruction errors of a file of other documents."""
    place = settings.evaluate.ood_inputs[name]
    columns = settings.corpora.get(name, CorpusSettings())
    inputs = Inputs(Path(place), columns.id, columns.text_column, Dialect.of(columns, f"corpora.{name}."))
    frame = next(inputs.read(inputs.source, settings.evaluate.ood_documents), None)
    scored = None if frame is None else scorer.score(frame)[0]
    if scored is None or scored.is_empty():
        raise ValueError(
            f"{PARAMS}: evaluate.ood_inputs.{name}: {place}: no document with a text; expected some"
        )
    return scored[RECONSTRUCTION].to_numpy()


def _test_errors(folder: Path, count: int) -> Errors:
    """Return the errors of at most `count` documents of a corpus's test split, evenly over it."""
    rows = read_table(folder, ["doc_id", "split", RECONSTRUCTION]).filter(split=SPLIT).sort("doc_id")
    return sample_evenly(rows[RECONSTRUCTION], count).to_numpy()


if __name__ == "__main__":
    run_stage(main)
