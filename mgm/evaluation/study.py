"""The single-task baseline of a task, as `make study` left it, and whether it belongs to the present run."""

from dataclasses import dataclass
from typing import Literal

from mgm.evaluation.sources import Sources
from mgm.tasks import Task

NOT_RUN = "not run: make study"


@dataclass(frozen=True)
class SingleTask:
    """state: current; stale (made from other features or params); absent. value: its first metric on the
    test split."""

    state: Literal["current", "stale", "absent"]
    value: float | None = None
    changed: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What the report's table says."""
        if self.state == "absent":
            return NOT_RUN
        number = "–" if self.value is None else f"{self.value:.3f}"
        return number if self.state == "current" else f"{number} (stale: other {', '.join(self.changed)})"


def single_task(sources: Sources, task: Task) -> SingleTask:
    """Reads reports/study/single/<task>.json: {"test": {metric: value}, "settings": {...}, "inputs": {path: sha256}}.

    It is stale when a setting of training differs from today's, or one of the files under `inputs` has another hash.

    Raises:
        ValueError: the file lacks one of the keys.
    """
    place = ("reports", "study", "single", f"{task.name}.json")
    found = sources.json(*place, expected=False)
    if found is None:
        return SingleTask("absent")
    for key in ("test", "settings", "inputs"):
        if key not in found:
            raise ValueError(f"{'/'.join(place)}: no key {key!r}, found {', '.join(sorted(found))}")
    changed = tuple(
        path for path, sha256 in sorted(found["inputs"].items()) if sources.hash_of(path) != sha256
    )
    if found["settings"] != sources.settings.training_sections():
        changed = ("params.yaml", *changed)
    return SingleTask("stale" if changed else "current", found["test"].get(task.first_metric), changed)
