"""Stage: teachers' scores -> their mean answers beside the features. `python -m flows.stages.teachers`."""

import shutil
from typing import Any

import numpy as np
import polars as pl

from flows.project import DATA, REPORTS
from flows.stages.command_line import run_stage
from mgm.corpus.parts import MANIFEST, file_sha256, read_manifest
from mgm.files import write_json
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import Task
from mgm.text import labels
from mgm.text.features import FeaturePart
from mgm.training.distillation.scores import agreement, average_teachers, has_target
from mgm.training.distillation.store import save_answers, save_facts

FEATURES = DATA / "features"
TEACHERS = DATA / "teachers"
TAUGHT = DATA / "taught"


def main() -> None:
    """Reads, checks and averages the scores that params.yaml names, task by task, or says that there are none."""
    settings = TrainingSettings.load()
    spaces = labels.load(FEATURES / "labels.json")
    shutil.rmtree(TAUGHT, ignore_errors=True)
    told: dict[str, Any] = {}
    tasks = settings.active_tasks()
    chosen = settings.teachers_of(tasks)
    for task in [t for t in tasks if t.name in chosen]:
        files = [TEACHERS / name for name in chosen[task.name]]
        documents = {corpus: _documents(corpus, task) for corpus in task.corpora}
        answers = average_teachers(
            files, task, spaces.get(task.name, []), documents, settings.distillation.temperature
        )
        ends = np.cumsum([frame.height for frame in documents.values()])
        for corpus, own in zip(documents, np.split(answers, ends[:-1]), strict=True):
            rows = [part.rows for part in read_manifest(FEATURES / corpus).parts]
            save_answers(TAUGHT, task, corpus, own, rows)
        gold = pl.concat(frame[task.encoded] for frame in documents.values())
        told[task.name] = {
            "files": {path.as_posix(): file_sha256(path) for path in files},
            "temperature": settings.distillation.temperature,
            "documents": int(has_target(answers).sum()),
            "unlabelled": int((pl.Series(has_target(answers)) & gold.is_null()).sum()),
            "agreement": agreement(answers, gold, task),
        }
        print(_line(task, told[task.name]), flush=True)
    corpora = sorted({corpus for task in tasks for corpus in task.corpora if task.name in chosen})
    features = {corpus: file_sha256(FEATURES / corpus / MANIFEST) for corpus in corpora}
    save_facts(TAUGHT, {"features": features, "tasks": told})
    write_json(REPORTS / "stages" / "teachers.json", told)
    if not told:
        print("teachers: none (distillation.teachers)")


def _documents(corpus: str, task: Task) -> pl.DataFrame:
    """doc_id, split and the labels of all documents of a corpus."""
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
