"""Stage of the study: one variant trained with the joint model's budget -> data/study/NAME, its predictions and
result.json. `python -m flows.stages.train_variant NAME`, such as single/TASK, average, ablations/GRANULARITY."""

import shutil

from flows.project import DATA, REPORTS
from flows.stages.command_line import run_stage
from flows.training_run import Console, checkpoint, corpora_of, facts, inputs, prepare, read_features
from mgm.evaluation.prediction_store import check_splits, write_tables
from mgm.evaluation.summary import SPLIT, summary_lines
from mgm.experiments.study import RESULT
from mgm.experiments.variants import SCORES, Variant, variants
from mgm.files import write_json
from mgm.settings.core import PARAMS
from mgm.settings.evaluation import EvaluateSettings
from mgm.settings.names import nearest
from mgm.settings.views.study import StudySettings
from mgm.training.distillation.predict import scores_of
from mgm.training.distillation.scores import save_scores
from mgm.training.fit import Fitted, Plan, fit

STUDY = DATA / "study"


def main(name: str) -> None:
    """Trains, predicts valid and test, and compares nothing: the stage gain sets the variants beside the joint
    model."""
    settings = StudySettings.load()
    known = variants(settings)
    if name not in known:
        raise ValueError(f"{PARAMS}: with these settings the study has no {name!r}{nearest(name, known)}")
    check_splits(settings.evaluate)
    variant = known[name]
    made = prepare(variant.settings, variant.tasks)
    state = checkpoint(f"study-{name.replace('/', '-')}", variant.settings, variant.tasks)
    fitted = fit(made, variant.settings, state, Console(variant.settings.train.epochs))
    _write_results(variant, made, fitted, settings.evaluate)
    write_json(REPORTS / "study" / f"{name}.training.json", facts(made, fitted, variant.settings))
    state.remove()


def _write_results(variant: Variant, made: Plan, fitted: Fitted, evaluate: EvaluateSettings) -> None:
    """The predictions with their truth, and the metrics of the test split with what they were made from."""
    settings, folder = variant.settings, STUDY / variant.name
    shutil.rmtree(folder, ignore_errors=True)
    tested = write_tables(
        folder,
        {corpus: read_features(corpus) for corpus in corpora_of(settings, variant.tasks)},
        made.tasks,
        network=fitted.network,
        thresholds=fitted.decisions.thresholds,
        splits=evaluate.splits,
    )
    metrics = tested.metrics(resamples=evaluate.bootstrap, seed=settings.seed)
    best = next(r for r in fitted.trained.history if r.epoch == fitted.trained.best)
    content = {
        "name": variant.name,
        SPLIT: metrics,
        "valid": best.metrics,
        "settings": settings.training_sections(),
        "inputs": inputs(settings, variant.tasks),
    }
    if variant.teaches:
        (task,) = variant.tasks
        corpora = ((corpus, read_features(corpus)) for corpus in corpora_of(settings, variant.tasks))
        save_scores(folder / SCORES, scores_of(fitted.network, task, made.labels, corpora), task)
    write_json(folder / RESULT, content)
    print(*summary_lines(metrics), sep="\n")


if __name__ == "__main__":
    run_stage(main)
