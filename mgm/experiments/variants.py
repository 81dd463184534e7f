"""The trainings of the study beside the joint model.

They are each task alone, a bag of embeddings, the joint model without each of its granularities, and the joint model and each
task alone once more under other seeds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mgm.settings.model import ModelSettings
from mgm.settings.training import DistillationSettings
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import Task

SINGLE, AVERAGE, ABLATIONS = "single", "average", "ablations"
AVERAGED = ("character", "word")
"""The granularities that the bag of embeddings averages over a document."""
JOINT = "joint"
REPEATS = (2, 3)
"""The numbers of the repeated trainings; the n-th has the seed of the settings plus n - 1. Their kinds are joint_<n> and
single_<n>."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A training of the study.

    Attributes:
        name: single/<task>, average, ablations/<granularity>, joint_<n> or single_<n>/<task>: its place below data/study.
        tasks: the tasks that are trained.
        settings: the joint model's, but for the granularities that are on, the seed, and that a task trained alone has no
            teacher: it is what the joint model is compared with.
    """

    name: str
    tasks: list[Task]
    settings: TrainingSettings

    @property
    def kind(self) -> str:
        """The name's first part."""
        return self.name.partition("/")[0]

    @property
    def part(self) -> str:
        """The task or granularity in the name; empty where there is none."""
        return self.name.partition("/")[2]


def repeated(kind: str, n: int) -> str:
    """Return the kind of the n-th training of a kind."""
    return f"{kind}_{n}"


def granularities(model: ModelSettings) -> dict[str, bool]:
    """Return every part of the model that can be switched off, and whether it is on."""
    parts = {name: getattr(model, name) for name in type(model).model_fields}
    return {name: part.enabled for name, part in parts.items() if hasattr(part, "enabled")}


def variants(settings: TrainingSettings) -> dict[str, Variant]:
    """Return every variant of these settings by its name. A model's only granularity is not ablated."""
    tasks, switches = settings.active_tasks(), granularities(settings.model)
    enabled = [name for name, is_on in switches.items() if is_on]
    untaught = settings.model_copy(update={"distillation": DistillationSettings()})
    every = _single_task_variants(SINGLE, tasks, settings=untaught)
    averaged = {name: name in AVERAGED for name in switches}
    every.append(Variant(name=AVERAGE, tasks=tasks, settings=_switched(settings, averaged)))
    for name in enabled if len(enabled) > 1 else []:
        ablated = _switched(settings, {name: False})
        every.append(Variant(name=f"{ABLATIONS}/{name}", tasks=tasks, settings=ablated))
    for n in REPEATS:
        seed = {"seed": settings.seed + n - 1}
        joint = settings.model_copy(update=seed)
        every.append(Variant(name=repeated(JOINT, n), tasks=tasks, settings=joint))
        every += _single_task_variants(repeated(SINGLE, n), tasks, settings=untaught.model_copy(update=seed))
    return {variant.name: variant for variant in every}


def _single_task_variants(kind: str, tasks: list[Task], *, settings: TrainingSettings) -> list[Variant]:
    return [Variant(name=f"{kind}/{task.name}", tasks=[task], settings=settings) for task in tasks]


def _switched(settings: TrainingSettings, switches: Mapping[str, bool]) -> TrainingSettings:
    parts = {
        name: getattr(settings.model, name).model_copy(update={"enabled": is_on})
        for name, is_on in switches.items()
    }
    text = settings.text
    if not switches.get("word", True):  # vectors have no use where words have none
        text = text.model_copy(update={"vectors": text.vectors.model_copy(update={"source": "none"})})
    return settings.model_copy(update={"model": settings.model.model_copy(update=parts), "text": text})
