"""Stage of the study: features -> one variant's predictions and result.json in data/study/NAME.

`python -m flows.stages.train_variant NAME`, such as single/TASK, average, ablations/GRANULARITY. It is trained with the joint model's
budget.
"""

import logging
import shutil

from flows.project import DATA, REPORTS
from flows.stages.command_line import run_stage
from flows.training_run import Console, checkpoint, corpora_of, facts, inputs, prepare, read_features
from mgm.evaluation.prediction_store import SplitPredictor, check_splits, write_tables
from mgm.evaluation.summary import SPLIT, summary_lines
from mgm.experiments.study import RESULT
from mgm.experiments.variants import Variant, variants
from mgm.files import write_json
from mgm.settings.core import PARAMS
from mgm.settings.evaluation import EvaluateSettings
from mgm.settings.names import nearest
from mgm.settings.views.study import StudySettings
from mgm.training.fit import FitResult, Plan, fit

_logger = logging.getLogger(__name__)

STUDY = DATA / "study"


def main(kind: str, part: str | None = None) -> None:
    """Train a variant and predict valid and test; the stage gain compares the variants with the joint model.

    Args:
        kind: a variant's name, or its kind such as single.
        part: the task or the granularity, where `kind` does not have it.
    """
    settings = StudySettings.load()
    name = f"{kind}/{part}" if part is not None and "/" not in kind else kind
    known = variants(settings)
    if name not in known:
        raise ValueError(f"{PARAMS}: with these settings the study has no {name!r}{nearest(name, known)}")
    check_splits(settings.evaluate)
    variant = known[name]
    plan = prepare(variant.settings, variant.tasks)
    state = checkpoint(f"study-{name.replace('/', '-')}", variant.settings, tasks=variant.tasks)
    fitted = fit(plan, variant.settings, checkpoint=state, callbacks=Console(variant.settings.train.epochs))
    _write_results(variant, plan, fitted=fitted, evaluate=settings.evaluate)
    write_json(REPORTS / "study" / f"{name}.training.json", facts(plan, fitted, settings=variant.settings))
    state.remove()


def _write_results(variant: Variant, plan: Plan, *, fitted: FitResult, evaluate: EvaluateSettings) -> None:
    """Write the predictions with their truth, and the metrics of the test split with the hashes of the inputs."""
    settings, folder = variant.settings, STUDY / variant.name
    shutil.rmtree(folder, ignore_errors=True)
    tested = write_tables(
        folder,
        {
            corpus: read_features(corpus, settings.model.pretrained)
            for corpus in corpora_of(settings, variant.tasks)
        },
        tasks=plan.tasks,
        predictors=[
            SplitPredictor(
                splits=evaluate.splits, network=fitted.network, thresholds=fitted.decisions.thresholds
            )
        ],
    )
    metrics = tested.metrics(resamples=evaluate.bootstrap, seed=settings.seed)
    best = next(r for r in fitted.training.history if r.epoch == fitted.training.best_epoch)
    content = {
        "name": variant.name,
        SPLIT: metrics,
        "valid": best.metrics,
        "settings": settings.training_sections(),
        "inputs": inputs(settings, variant.tasks),
    }
    write_json(folder / RESULT, content)
    _logger.info("\n".join(summary_lines(metrics)))


if __name__ == "__main__":
    run_stage(main)
