"""models/candidate + data/features -> data/predictions, reports/metrics.json, reports/plots/confusion."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import flows.environment  # noqa: F401  (before torch, which reads the environment when it is imported)

# isort: split
import polars as pl

from flows.stages._common import CANDIDATE, DATA, REPORTS, run_stage, write_json
from mgm.corpus.parts import PartsWriter, read_manifest
from mgm.evaluation.metrics import columns_read
from mgm.evaluation.predictions import predict_part, table_schema
from mgm.evaluation.summary import summarise, summary_lines
from mgm.model import bundle as bundles
from mgm.settings import Settings
from mgm.tasks import Task
from mgm.text.features import FeaturePart

PREDICTIONS = DATA / "predictions"
CONFUSION = REPORTS / "plots" / "confusion"
SPLIT = "test"


def main() -> None:
    settings = Settings.load()
    if SPLIT not in settings.evaluate.splits:
        raise ValueError(
            f"params.yaml: evaluate.splits: found {settings.evaluate.splits}, expected {SPLIT!r} among them"
        )
    bundle = bundles.load(CANDIDATE)
    for folder in (PREDICTIONS, CONFUSION):  # a corpus or task that was switched off leaves nothing behind
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    tested: dict[str, list[pl.DataFrame]] = {task.name: [] for task in bundle.tasks}
    trained: dict[str, list[pl.Series]] = {task.name: [] for task in bundle.tasks}
    for corpus in settings.enabled:
        tasks = [task for task in bundle.tasks if corpus in task.corpora]
        if tasks:
            _predict_corpus(corpus, tasks, bundle, settings, tested, trained)
    write_json(PREDICTIONS / "labels.json", bundle.labels)
    metrics = {}
    for task in bundle.tasks:
        frame, labels = pl.concat(tested[task.name]), bundle.labels.get(task.name, [])
        train = pl.concat(trained[task.name])
        metrics[task.name] = summarise(frame, train, task, labels, settings.evaluate.bootstrap, settings.seed)
        if task.kind == "classification":
            frame.drop_nulls(f"{task.name}_true").select(
                actual=f"{task.name}_true", predicted=task.name
            ).write_csv(CONFUSION / f"{task.name}.csv")
    write_json(REPORTS / "metrics.json", metrics)
    print(f"{SPLIT} split:", *summary_lines(metrics), sep="\n")


def _predict_corpus(
    corpus: str,
    tasks: list[Task],
    bundle: bundles.Bundle,
    settings: Settings,
    tested: dict[str, list[pl.DataFrame]],
    trained: dict[str, list[pl.Series]],
) -> None:
    rows = 0
    with PartsWriter(PREDICTIONS / corpus, table_schema(tasks)) as writer:
        for part in _feature_parts(DATA / "features" / corpus):
            found = predict_part(
                bundle.network, part, tasks, bundle.labels, bundle.thresholds, settings.evaluate.splits
            )
            writer.write(found)
            rows += found.height
            train = part.documents.filter(pl.col("split") == "train")
            test = found.filter(pl.col("split") == SPLIT).with_columns(corpus=pl.lit(corpus))
            for task in tasks:
                trained[task.name].append(train[task.name])
                tested[task.name].append(test.select("corpus", *columns_read(task, test.columns)))
    print(f"{corpus}: {rows:,} documents of {' and '.join(settings.evaluate.splits)} predicted", flush=True)


def _feature_parts(folder: Path) -> Iterator[FeaturePart]:
    for index in range(len(read_manifest(folder).parts)):
        yield FeaturePart.load(folder, index)


if __name__ == "__main__":
    run_stage(main)
