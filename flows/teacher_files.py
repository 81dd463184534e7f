"""The files of teachers in data/teachers, and the setting that makes the joint model learn from them."""

from collections.abc import Mapping, Sequence

from flows.params_file import set_values, unified_diff
from mgm.files import write_text
from mgm.settings.core import PARAMS
from mgm.settings.names import nearest
from mgm.settings.settings import Settings
from mgm.settings.yaml_file import dump_yaml_line
from mgm.tasks import Task

SETTING = "distillation.teachers"

TeacherFiles = Mapping[str, Sequence[str]]
"""Task to the names of its teachers' files below data/teachers."""


def teachable_tasks(tasks: Sequence[Task], names: Sequence[str]) -> list[Task]:
    """Return those of `tasks` that these names are of, or all that can have a teacher, sorted by name.

    Raises:
        ValueError: a task of this name is not trained, or can have no teacher.
    """
    teachable = {task.name: task for task in tasks if task.spec.is_distillable}
    for name in names:
        if name not in teachable:
            raise ValueError(
                f"task {name}: {PARAMS} has no task of this name to teach{nearest(name, teachable)}"
            )
    return [teachable[name] for name in sorted(teachable) if not names or name in names]


def params_lines(files: TeacherFiles) -> str:
    """Return the lines of params.yaml that use these teachers."""
    lines = [f"    {dump_yaml_line({task: list(names)})}" for task, names in files.items()]
    return "\n".join(["distillation:", "  teachers:", *lines])


def apply_teachers(files: TeacherFiles) -> str:
    """Set these teachers in params.yaml, in place of others of the same tasks, and return the diff; empty where nothing changes."""
    text = PARAMS.read_text(encoding="utf-8")
    teachers = Settings.load().distillation.teachers | {task: list(names) for task, names in files.items()}
    changed = set_values(text, {SETTING: teachers})
    write_text(PARAMS, changed)
    return unified_diff(text, changed)
