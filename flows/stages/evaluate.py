"""models/candidate + data/features -> data/predictions, reports/metrics.json, reports/evaluation, reports/plots/confusion,
reports/plots/reliability."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import flows.environment  # noqa: F401  (before torch, which reads the environment when it is imported)

# isort: split
from flows.project import CANDIDATE, DATA, REPORTS
from flows.stages.command_line import run_stage
from mgm.bundle import bundle as bundles
from mgm.corpus.parts import read_manifest, read_table
from mgm.evaluation.calibration import headline, reliability_curve
from mgm.evaluation.generation_examples import examples
from mgm.evaluation.metrics import labelled
from mgm.evaluation.out_of_distribution import PLACE, Errors, separation
from mgm.evaluation.prediction_store import check_splits, write_tables
from mgm.evaluation.summary import SPLIT, summary_lines
from mgm.files import write_json
from mgm.scoring.held_out import sample_evenly
from mgm.scoring.inputs import Inputs
from mgm.scoring.scorer import Scorer
from mgm.settings.core import PARAMS
from mgm.settings.corpora import CorpusSettings
from mgm.settings.views.evaluation import EvaluationSettings
from mgm.tasks import RECONSTRUCTION
from mgm.text.features import FeaturePart

PREDICTIONS = DATA / "predictions"
DETAILS = REPORTS / "evaluation"
CONFUSION = REPORTS / "plots" / "confusion"
RELIABILITY = REPORTS / "plots" / "reliability"


def main() -> None:
    settings = EvaluationSettings.load()
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
    for task in bundle.tasks:
        if task.kind == "generation":
            rows = labelled(tested.rows(task), task)
            features = {c: _feature_parts(DATA / "features" / c) for c in task.corpora}
            pieces = bundle.labels[task.name]
            found[task.name]["written"] = examples(bundle.network, features, rows, task, pieces)
    for name, content in found.items():
        write_json(DETAILS / f"{name}.json", content)
        if content["calibration"] is not None:
            curve = reliability_curve(content["calibration"])
            curve.write_csv(RELIABILITY / f"{name}.csv")
            metrics[name] |= headline(content["calibration"])
    write_json(REPORTS / "metrics.json", metrics)
    print(f"{SPLIT} split:", *summary_lines(metrics), sep="\n")
    if settings.evaluate.ood_inputs:
        _tell_apart(settings, Scorer(bundle), labelling)


def _tell_apart(settings: EvaluationSettings, scorer: Scorer, corpora: list[str]) -> None:
    """The reconstruction errors of other documents beside those of the test split."""
    if not scorer.bundle.network.reconstructs:
        raise ValueError(
            f"{PARAMS}: evaluate.ood_inputs: model.fusion: {scorer.bundle.settings.model.fusion} has no reconstruction error to tell documents "
            "apart by; expected stacked_autoencoder, or evaluate.ood_inputs: {}"
        )
    chosen = settings.evaluate
    own = {c: _test_errors(PREDICTIONS / c, chosen.ood_documents) for c in corpora}
    foreign = {}
    for name, place in sorted(chosen.ood_inputs.items()):
        columns = settings.corpora.get(name, CorpusSettings())
        documents = Inputs(Path(place), columns.id, columns.text_column)
        frame = next(documents.read(documents.source, chosen.ood_documents), None)
        found = None if frame is None else scorer.score(frame)[0]
        if found is None or found.is_empty():
            raise ValueError(
                f"{PARAMS}: evaluate.ood_inputs.{name}: {place}: no document with a text; expected some"
            )
        foreign[name] = found[RECONSTRUCTION].to_numpy()
    content = separation({c: e for c, e in own.items() if len(e)}, foreign, chosen.bootstrap, settings.seed)
    write_json(Path(*PLACE), content)
    for name, entry in content["foreign"].items():
        print(f"{name}: AUROC {entry['auroc']} of the reconstruction error against the test split")


def _test_errors(folder: Path, count: int) -> Errors:
    """Of at most `count` documents of a corpus's test split, evenly over it."""
    rows = read_table(folder, ["doc_id", "split", RECONSTRUCTION]).filter(split=SPLIT).sort("doc_id")
    return sample_evenly(rows[RECONSTRUCTION], count).to_numpy()


def _feature_parts(folder: Path) -> Iterator[FeaturePart]:
    for index in range(len(read_manifest(folder).parts)):
        yield FeaturePart.load(folder, index)


if __name__ == "__main__":
    run_stage(main)
