"""The results that the study left: which of them belong to the present run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mgm.evaluation.run_files import RunFiles
from mgm.experiments.variants import Variant
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import Task

NOT_RUN = "not run (study)"
FOLDER = ("data", "study")
RESULT = "result.json"
"""A variant's metrics and the settings and files it was trained with, beside its predictions."""

State = Literal["current", "stale", "absent"]


@dataclass(frozen=True, kw_only=True)
class VariantResult:
    """The result of a variant's training.

    Attributes:
        state: current, stale (made from other features or params) or absent.
        changed: the files it was made from that have changed.
        test: the metrics on the test split by task.
    """

    state: State
    changed: tuple[str, ...] = ()
    test: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def value(self, task: Task) -> float | None:
        """Return a task's first metric on the test split."""
        return self.test.get(task.name, {}).get(task.first_metric)

    def in_words(self, task: Task) -> str:
        """Return a task's first metric in words."""
        if self.state == "absent":
            return NOT_RUN
        value = self.value(task)
        number = "–" if value is None else f"{value:.3f}"
        return number if self.state == "current" else f"{number} ({stale(self.changed)})"


def stale(changed: tuple[str, ...]) -> str:
    """Return why a result is stale, in words."""
    more = f" and {len(changed) - 2} more" if len(changed) > 2 else ""
    return f"stale: other {', '.join(changed[:2])}{more}"


def read_result(run_files: RunFiles[TrainingSettings], variant: Variant) -> VariantResult:
    """Read data/study/<name>/result.json: test (metrics by task), settings, inputs (SHA-256 by path).

    The result is stale when a setting of training differs from today's, or one of the input files has another hash.

    Raises:
        ValueError: the file lacks one of the keys.
    """
    place = (*FOLDER, *variant.name.split("/"), RESULT)
    content = run_files.json(*place, expected=False)
    if content is None:
        return VariantResult(state="absent")
    for key in ("test", "settings", "inputs"):
        if key not in content:
            raise ValueError(f"{'/'.join(place)}: no key {key!r}, found {', '.join(sorted(content))}")
    changed = changed_inputs(run_files, content["inputs"])
    if content["settings"] != variant.settings.training_sections():
        changed = ("params.yaml", *changed)
    return VariantResult(state="stale" if changed else "current", changed=changed, test=content["test"])


def changed_inputs(run_files: RunFiles[TrainingSettings], inputs: Mapping[str, str]) -> tuple[str, ...]:
    """Return the files that are gone or have another hash than in `inputs`."""
    return tuple(path for path, sha256 in sorted(inputs.items()) if run_files.hash_of(path) != sha256)
