"""Stage: teachers' scores -> their mean predictions beside the features, if any. `python -m flows.stages.teachers`."""

import logging
import shutil
from typing import Any

from flows.project import FEATURES, LABELS, STAGES, TAUGHT, TEACHERS
from flows.stages.command_line import run_stage
from mgm.corpus.parts import MANIFEST
from mgm.files import file_sha256, write_json
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import with_label_spaces
from mgm.text import labels
from mgm.training.distillation.store import save_facts
from mgm.training.distillation.teachers import store_teachers

_logger = logging.getLogger(__name__)


def main() -> None:
    """Read, check and average the scores that the settings name, task by task."""
    settings = TrainingSettings.load()
    shutil.rmtree(TAUGHT, ignore_errors=True)
    tasks = with_label_spaces(settings.active_tasks(), labels.load(LABELS))
    files = settings.teachers_of(tasks)
    students = [task for task in tasks if task.name in files]
    summary: dict[str, dict[str, Any]] = {}
    for task in students:
        summary[task.name] = store_teachers(
            task,
            [TEACHERS / name for name in files[task.name]],
            features=FEATURES,
            store=TAUGHT,
            temperature=settings.distillation.temperature,
        )
        _logger.info(_summary_line(task.name, summary[task.name]))
    corpora = sorted({corpus for task in students for corpus in task.corpora})
    features = {corpus: file_sha256(FEATURES / corpus / MANIFEST) for corpus in corpora}
    save_facts(TAUGHT, {"features": features, "tasks": summary})
    write_json(STAGES / "teachers.json", summary)
    if not summary:
        _logger.info("teachers: none (distillation.teachers)")


def _summary_line(task: str, facts: dict[str, Any]) -> str:
    agreement = "" if facts["agreement"] is None else f", agreement with labels {facts['agreement']:.3f}"
    return (
        f"teachers {task}: {len(facts['files'])} files, {facts['documents']:,} training documents, "
        f"{facts['unlabelled']:,} of them without a label{agreement}"
    )


if __name__ == "__main__":
    run_stage(main)
