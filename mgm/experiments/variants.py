"""What the study trains beside the joint model: each task alone, a bag of embeddings, the joint model without each of its
granularities, and the joint model and each task alone once more under other seeds."""

from collections.abc import Mapping
from dataclasses import dataclass

from mgm.settings.model import ModelSettings
from mgm.settings.training import DistillationSettings
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import TASK_KINDS, Task

SINGLE, AVERAGE, ABLATIONS = "single", "average", "ablations"
AVERAGED = ("character", "word")
"""What the bag of embeddings averages over a document."""
JOINT = "joint"
REPEATS = (2, 3)
"""Which trainings are repeats, counted from the first; the n-th has the seed n - 1 above that of the settings. Their kinds
are joint_<n> and single_<n>."""
SCORES = "scores.parquet"
"""What a task trained alone says of the training documents, beside its predictions: it can teach (flows/distill.py)."""


@dataclass(frozen=True)
class Variant:
    """A training of the study. name: single/<task>, average, ablations/<granularity>, joint_<n> or single_<n>/<task>, its
    place below data/study; settings: the joint model's, but for the granularities that are on, the seed, and that a task
    trained alone has no teacher: it is what the joint model is compared with, and what may teach it."""

    name: str
    tasks: list[Task]
    settings: TrainingSettings

    @property
    def kind(self) -> str:
        return self.name.partition("/")[0]

    @property
    def part(self) -> str:
        """The task or granularity that the name is about; empty where it is about none."""
        return self.name.partition("/")[2]

    @property
    def teaches(self) -> bool:
        """Whether it leaves SCORES."""
        return (
            len(self.tasks) == 1 and self.kind in TEACHERS and TASK_KINDS[self.tasks[0].kind].is_distillable
        )


def repeated(kind: str, n: int) -> str:
    """The kind of the n-th training of a kind."""
    return f"{kind}_{n}"


TEACHERS = (SINGLE, *(repeated(SINGLE, n) for n in REPEATS))
"""The kinds of trainings of one task alone, one a seed."""


def granularities(model: ModelSettings) -> dict[str, bool]:
    """Every part of the model that has a switch, and whether it is on."""
    parts = {name: getattr(model, name) for name in type(model).model_fields}
    return {name: part.enabled for name, part in parts.items() if hasattr(part, "enabled")}


def variants(settings: TrainingSettings) -> dict[str, Variant]:
    """Every variant of these settings by its name. The only granularity of a model is not taken from it."""
    tasks, switches = settings.active_tasks(), granularities(settings.model)
    enabled = [name for name, on in switches.items() if on]
    untaught = settings.model_copy(update={"distillation": DistillationSettings()})
    found = [Variant(f"{SINGLE}/{task.name}", [task], untaught) for task in tasks]
    averaged = {name: name in AVERAGED for name in switches}
    found.append(Variant(AVERAGE, tasks, _switched(settings, averaged)))
    if len(enabled) > 1:
        found += [Variant(f"{ABLATIONS}/{g}", tasks, _switched(settings, {g: False})) for g in enabled]
    for n in REPEATS:
        other = settings.model_copy(update={"seed": settings.seed + n - 1})
        found.append(Variant(repeated(JOINT, n), tasks, other))
        alone = untaught.model_copy(update={"seed": other.seed})
        found += [Variant(f"{repeated(SINGLE, n)}/{task.name}", [task], alone) for task in tasks]
    return {variant.name: variant for variant in found}


def _switched(settings: TrainingSettings, switches: Mapping[str, bool]) -> TrainingSettings:
    parts = {
        name: getattr(settings.model, name).model_copy(update={"enabled": on})
        for name, on in switches.items()
    }
    text = settings.text
    if not switches.get("word", True):  # what is off has nothing to start from vectors
        text = text.model_copy(update={"vectors": text.vectors.model_copy(update={"source": "none"})})
    return settings.model_copy(update={"model": settings.model.model_copy(update=parts), "text": text})
