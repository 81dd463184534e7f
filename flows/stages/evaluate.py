"""models/candidate + data/features -> data/predictions, reports/metrics.json, reports/evaluation, reports/plots/confusion,
reports/plots/reliability."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import flows.environment  # noqa: F401  (before torch, which reads the environment when it is imported)

# isort: split
from flows.stages._common import CANDIDATE, DATA, REPORTS, run_stage, write_json
from mgm.corpus.parts import read_manifest
from mgm.evaluation.calibration import headline, reliability_curve
from mgm.evaluation.summary import SPLIT, summary_lines
from mgm.evaluation.tables import check_splits, write_tables
from mgm.model import bundle as bundles
from mgm.settings import Settings
from mgm.text.features import FeaturePart

PREDICTIONS = DATA / "predictions"
DETAILS = REPORTS / "evaluation"
CONFUSION = REPORTS / "plots" / "confusion"
RELIABILITY = REPORTS / "plots" / "reliability"


def main() -> None:
    settings = Settings.load()
    check_splits(settings.evaluate)
    bundle = bundles.load(CANDIDATE)
    for folder in (
        PREDICTIONS,
        DETAILS,
        CONFUSION,
        RELIABILITY,
    ):  # a corpus or task that was switched off leaves nothing behind
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    labelling = [c for c in settings.enabled if any(c in task.corpora for task in bundle.tasks)]
    tested = write_tables(
        PREDICTIONS,
        {corpus: _feature_parts(DATA / "features" / corpus) for corpus in labelling},
        bundle.tasks,
        bundle.network,
        bundle.labels,
        bundle.thresholds,
        settings.evaluate.splits,
    )
    write_json(PREDICTIONS / "labels.json", bundle.labels)
    for task in bundle.tasks:
        if task.kind == "classification":
            tested.rows(task).drop_nulls(f"{task.name}_true").select(
                actual=f"{task.name}_true", predicted=task.name
            ).write_csv(CONFUSION / f"{task.name}.csv")
    metrics = tested.metrics(settings.evaluate.bootstrap, settings.seed)
    found = tested.details(settings.evaluate, settings.seed)
    for name, content in found.items():
        write_json(DETAILS / f"{name}.json", content)
        if content["calibration"] is not None:
            curve = reliability_curve(content["calibration"])
            curve.write_csv(RELIABILITY / f"{name}.csv")
            metrics[name] |= headline(content["calibration"])
    write_json(REPORTS / "metrics.json", metrics)
    print(f"{SPLIT} split:", *summary_lines(metrics), sep="\n")


def _feature_parts(folder: Path) -> Iterator[FeaturePart]:
    for index in range(len(read_manifest(folder).parts)):
        yield FeaturePart.load(folder, index)


if __name__ == "__main__":
    run_stage(main)
