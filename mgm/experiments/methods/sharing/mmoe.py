"""Multi-gate mixture of experts.

Axes: I items, K experts, D width read, W width of an expert.
"""

from torch import Tensor, nn

from mgm.experiments.methods.sharing.experts import Experts, ExpertSharing, Gate, Level, mix_experts
from mgm.settings.model import MixtureSettings, ModelSettings


class MmoeSharing(ExpertSharing):
    """All tasks read the same experts, each through a separate gate. Source: Ma et al. 2018 (MMoE)."""

    def level(self, tasks: list[str], width: int, *, settings: ModelSettings) -> Level:
        """Return the experts and gates of tasks that read vectors of this width."""
        return Mixture(tasks, width, settings=settings.mmoe)


class Mixture(Level):
    """K experts, and a gate for each task."""

    def __init__(self, tasks: list[str], input_width: int, *, settings: MixtureSettings) -> None:
        """Make the experts and gates of tasks that read vectors of this width."""
        super().__init__()
        self.tasks, self.width = tasks, settings.width
        self.experts = Experts(input_width, settings.experts, width=settings.width)
        self.gates = nn.ModuleList(Gate(input_width, settings.experts) for _ in tasks)

    def forward(self, vectors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the mixed experts (I,W) of each task for vectors (I,D)."""
        distinct = {id(vectors_ID): vectors_ID for vectors_ID in vectors.values()}
        experts = {key: self.experts(vectors_ID) for key, vectors_ID in distinct.items()}
        return {
            task: mix_experts(gate(vectors[task]), experts[id(vectors[task])])
            for task, gate in zip(self.tasks, self.gates, strict=True)
        }

    def task_specific_parameters(self, task: str) -> list[nn.Parameter]:
        """Return the parameters of the task's gate."""
        return list(self.gates[self.tasks.index(task)].parameters())
