"""Stage: teachers' scores -> their mean answers beside the features. `python -m flows.stages.teachers`."""

import shutil
from typing import Any

import numpy as np
import polars as pl

from flows.project import DATA, REPORTS
from flows.stages.command_line import run_stage
from mgm.corpus.parts import MANIFEST, read_manifest
from mgm.files import file_sha256, write_json
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import Task, with_label_spaces
from mgm.text import labels
from mgm.text.features import FeaturePart
from mgm.training.distillation.scores import average_teachers, has_target, label_agreement
from mgm.training.distillation.store import save_facts, save_teacher_predictions

FEATURES = DATA / "features"
TEACHERS = DATA / "teachers"
TAUGHT = DATA / "taught"


def main() -> None:
    """Read, check and average the scores that the settings name, task by task."""
    settings = TrainingSettings.load()
    shutil.rmtree(TAUGHT, ignore_errors=True)
    summary: dict[str, Any] = {}
    tasks = with_label_spaces(settings.active_tasks(), labels.load(FEATURES / "labels.json"))
    chosen = settings.teachers_of(tasks)
    for task in [t for t in tasks if t.name in chosen]:
        files = [TEACHERS / name for name in chosen[task.name]]
        documents = {corpus: _documents(corpus, task) for corpus in task.corpora}
        predictions = average_teachers(files, task, documents, temperature=settings.distillation.temperature)
        ends = np.cumsum([frame.height for frame in documents.values()])
        for corpus, of_corpus in zip(documents, np.split(predictions, ends[:-1]), strict=True):
            rows = [part.rows for part in read_manifest(FEATURES / corpus).parts]
            save_teacher_predictions(TAUGHT, task, corpus, predictions=of_corpus, part_rows=rows)
        encoded = pl.concat(frame[task.encoded] for frame in documents.values())
        summary[task.name] = {
            "files": {path.as_posix(): file_sha256(path) for path in files},
            "temperature": settings.distillation.temperature,
            "documents": int(has_target(predictions).sum()),
            "unlabelled": int((pl.Series(has_target(predictions)) & encoded.is_null()).sum()),
            "agreement": label_agreement(predictions, encoded, task),
        }
        print(_line(task, summary[task.name]), flush=True)
    corpora = sorted({corpus for task in tasks for corpus in task.corpora if task.name in chosen})
    features = {corpus: file_sha256(FEATURES / corpus / MANIFEST) for corpus in corpora}
    save_facts(TAUGHT, {"features": features, "tasks": summary})
    write_json(REPORTS / "stages" / "teachers.json", summary)
    if not summary:
        print("teachers: none (distillation.teachers)")


def _documents(corpus: str, task: Task) -> pl.DataFrame:
    """Return doc_id, split and the encoded labels of all documents of a corpus."""
    count = len(read_manifest(FEATURES / corpus).parts)
    names = ["doc_id", "split", task.encoded]
    return pl.concat(FeaturePart.load(FEATURES / corpus, i).documents.select(names) for i in range(count))


def _line(task: Task, facts: dict[str, Any]) -> str:
    agreement = "" if facts["agreement"] is None else f", agreement with labels {facts['agreement']:.3f}"
    return (
        f"teachers {task.name}: {len(facts['files'])} files, {facts['documents']:,} training documents, "
        f"{facts['unlabelled']:,} of them without a label{agreement}"
    )


if __name__ == "__main__":
    run_stage(main)
