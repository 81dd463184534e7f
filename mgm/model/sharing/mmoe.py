"""Multi-gate mixture of experts.

Axes: I items, K experts, D width read, W width of an expert.
"""

from torch import Tensor, nn

from mgm.model.sharing.experts import Experts, ExpertSharing, Gate, Level, mixed
from mgm.settings.model import MixtureSettings, ModelSettings


class MmoeSharing(ExpertSharing):
    """All tasks read the same experts, each through a gate of its own. Source: Ma et al. 2018 (MMoE)."""

    def level(self, tasks: list[str], width: int, settings: ModelSettings) -> Level:
        return Mixture(tasks, width, settings.mmoe)


class Mixture(Level):
    """K experts, and a gate a task."""

    def __init__(self, tasks: list[str], input_width: int, settings: MixtureSettings) -> None:
        super().__init__()
        self.tasks, self.width = tasks, settings.width
        self.experts = Experts(input_width, settings.experts, settings.width)
        self.gates = nn.ModuleList(Gate(input_width, settings.experts) for _ in tasks)

    def forward(self, vectors: dict[str, Tensor]) -> dict[str, Tensor]:
        distinct = {id(read): read for read in vectors.values()}
        experts = {key: self.experts(read_ID) for key, read_ID in distinct.items()}
        return {
            task: mixed(gate(vectors[task]), experts[id(vectors[task])])
            for task, gate in zip(self.tasks, self.gates, strict=True)
        }

    def task_specific_parameters(self, task: str) -> list[nn.Parameter]:
        return list(self.gates[self.tasks.index(task)].parameters())
