"""The settings that decide the result of a training."""

from collections.abc import Sequence
from typing import Any

from mgm.settings.names import WEIGHTS, flatten_sections
from mgm.settings.training import DistillationSettings, PretrainSettings, TrainSettings
from mgm.settings.views.network import NetworkSettings
from mgm.tasks import TASK_KINDS, Task


class TrainingSettings(NetworkSettings):
    """The settings that decide the result of a training. A bundle has them, too."""

    pretrain: PretrainSettings = PretrainSettings()
    train: TrainSettings = TrainSettings()
    distillation: DistillationSettings = DistillationSettings()

    def _check(self, raw: dict[str, Any], where: str) -> None:
        super()._check(raw, where)
        if self.model.pretrained.is_trained and self.train.compile:
            raise ValueError(
                f"{where}: train.compile: true, with model.pretrained.train: {self.model.pretrained.train}: its windows differ from "
                "batch to batch; expected false"
            )
        if self.model.pretrained.enabled and self.train.init_from == "pretrained":
            raise ValueError(
                f"{where}: train.init_from: pretrained, with model.pretrained.enabled: true: an encoder that reads the whole text "
                "sees the masked words; expected random"
            )
        for name in sorted(self.distillation.teachers.keys() & self.tasks.keys()):
            if not TASK_KINDS[self.tasks[name].kind].is_distillable:
                raise ValueError(
                    f"{where}: distillation.teachers.{name}: a {self.tasks[name].kind} task has no teachers "
                    f"(kinds that have: {', '.join(k for k in TASK_KINDS if TASK_KINDS[k].is_distillable)})"
                )

    def tunable(self) -> dict[str, Any]:
        """Return every setting that training reads and features do not, by its full name, with its value."""
        values = flatten_sections(self.model_dump(mode="json", include={"model", "train"}))
        # the vectors of an encoder are made before training
        left_out = (WEIGHTS, "model.pretrained.")
        values = {name: value for name, value in values.items() if not name.startswith(left_out)}
        values |= {f"{WEIGHTS}{task}": self.train.weights.get(task, 1.0) for task in self.tasks}
        # scores of other tasks do not compare; a trial has one process and little memory, and is measured on validation
        for name in ("generation", "processes", "memory", "refit"):
            del values[f"train.{name}"]
        return values

    def training_sections(self) -> dict[str, Any]:
        """Return the sections that, with features and tasks, decide the result of a training."""
        return self.model_dump(mode="json", include={"seed", "text", "model", "train", "distillation"})

    @property
    def pretrains(self) -> bool:
        """Whether training starts from something that the stage pretrain makes."""
        return self.train.init_from == "pretrained" or self.model.fusion == "stacked_autoencoder"

    def teachers_of(self, tasks: Sequence[Task]) -> dict[str, list[str]]:
        """Return the files of those of `tasks` that have teachers."""
        return {
            t.name: self.distillation.teachers[t.name] for t in tasks if t.name in self.distillation.teachers
        }
