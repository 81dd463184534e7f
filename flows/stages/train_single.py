"""Stage of the study: one task trained alone with the joint model's budget. `python -m
flows.stages.train_single TASK`."""

import shutil

import polars as pl

from flows.stages._common import DATA, REPORTS, run_stage, write_json
from flows.stages._training import Console, checkpoint, corpora_of, facts, inputs, prepare, read_features
from mgm.corpus.parts import PartsWriter
from mgm.evaluation.metrics import columns_read
from mgm.evaluation.predictions import predict_part, table_schema
from mgm.evaluation.summary import summarise, summary_lines
from mgm.settings import PARAMS, Settings, nearest
from mgm.tasks import Task
from mgm.training.fit import Fitted, Plan, fit

SINGLE = DATA / "study" / "single"
REPORT = REPORTS / "study" / "single"
SPLIT = "test"


def main(name: str) -> None:
    """Trains, predicts valid and test, and compares nothing: the report sets the result beside the joint
    model's."""
    settings = Settings.load()
    known = {t.name: t for t in settings.active_tasks()}
    if name not in known:
        raise ValueError(f"{PARAMS}: no task {name!r} is trained{nearest(name, known)}")
    task = known[name]
    made = prepare(settings, [task])
    state = checkpoint(f"single-{name}", settings, [task])
    fitted = fit(made, settings, state, Console(settings.train.epochs))
    _write_results(task, made, fitted, settings)
    write_json(REPORT / f"{name}.training.json", facts(made, fitted, settings))
    state.remove()


def _write_results(task: Task, made: Plan, fitted: Fitted, settings: Settings) -> None:
    """The predictions with their truth, and the metrics of the test split with what they were made from."""
    shutil.rmtree(SINGLE / task.name, ignore_errors=True)
    tested, trained = [], []
    for corpus in corpora_of(settings, [task]):
        with PartsWriter(SINGLE / task.name / corpus, table_schema([task])) as writer:
            for part in read_features(corpus):
                found = predict_part(
                    fitted.network, part, [task], made.labels, fitted.thresholds, settings.evaluate.splits
                )
                writer.write(found)
                test = found.filter(pl.col("split") == SPLIT).with_columns(corpus=pl.lit(corpus))
                tested.append(test.select("corpus", *columns_read(task, test.columns)))
                trained.append(part.documents.filter(pl.col("split") == "train")[task.name])
    entry = summarise(
        pl.concat(tested),
        pl.concat(trained),
        task,
        made.labels.get(task.name, []),
        settings.evaluate.bootstrap,
        settings.seed,
    )
    best = next(r for r in fitted.trained.history if r.epoch == fitted.trained.best)
    content = {
        "task": task.name,
        "test": entry,
        "valid": {task.first_metric: best.metrics.get(task.name)},
        "settings": settings.training_sections(),
        "inputs": inputs(settings, [task]),
    }
    write_json(REPORT / f"{task.name}.json", content)
    print(*summary_lines({task.name: entry}), sep="\n")


if __name__ == "__main__":
    run_stage(main)
