"""Progressive layered extraction.

Axes: I items, K experts, D width read, W width of an expert.
"""

import torch
from torch import Tensor, nn

from mgm.experiments.methods.sharing.experts import Experts, ExpertSharing, Gate, Level, mix_experts
from mgm.settings.model import ExtractionSettings, ModelSettings


class PleSharing(ExpertSharing):
    """Every task has task-specific experts beside the shared ones, in layers. Source: Tang et al. 2020 (PLE)."""

    def level(self, tasks: list[str], width: int, *, settings: ModelSettings) -> Level:
        """Return the layers of tasks that read vectors of this width."""
        return Extraction(tasks, width, settings=settings.ple)


class Extraction(Level):
    """Layers of experts; the first reads the encoder, each of the others the output of the layer before it."""

    def __init__(self, tasks: list[str], input_width: int, *, settings: ExtractionSettings) -> None:
        """Make the layers of tasks that read vectors of this width."""
        super().__init__()
        self.tasks, self.width = tasks, settings.width
        last = settings.layers - 1
        self.layers = nn.ModuleList(
            Layer(
                len(tasks),
                settings.width if layer else input_width,
                settings=settings,
                has_shared_gate=layer < last,
            )
            for layer in range(settings.layers)
        )

    def forward(self, vectors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the mixed experts (I,W) of each task for vectors (I,D)."""
        of_tasks = [vectors[task] for task in self.tasks]
        distinct = list({id(vectors_ID): vectors_ID for vectors_ID in of_tasks}.values())
        shared = distinct[0] if len(distinct) == 1 else torch.stack(distinct).mean(0)
        for layer in self.layers:
            of_tasks, shared = layer(of_tasks, shared)
        return dict(zip(self.tasks, of_tasks, strict=True))

    def task_specific_parameters(self, task: str) -> list[nn.Parameter]:
        """Return the task's parameters of the last layer: through shared experts, other tasks' losses reach those of the layers before."""
        layer, index = self.layers[-1], self.tasks.index(task)
        assert isinstance(layer, Layer)
        return [*layer.task_experts[index].parameters(), *layer.gates[index].parameters()]


class Layer(nn.Module):
    """Customised gate control: the gate of a task weighs the experts of the task and the shared ones."""

    def __init__(
        self, num_tasks: int, input_width: int, *, settings: ExtractionSettings, has_shared_gate: bool
    ) -> None:
        """Make a layer.

        Args:
            num_tasks: the number of tasks.
            input_width: the width of the vectors that it reads.
            settings: the numbers and the width of experts.
            has_shared_gate: whether one more gate, over all experts of all tasks, mixes the input of the next layer's shared
                experts.
        """
        super().__init__()
        num_task_experts, num_shared = settings.task_experts, settings.shared_experts
        self.task_experts = nn.ModuleList(
            Experts(input_width, num_task_experts, width=settings.width) for _ in range(num_tasks)
        )
        self.shared = Experts(input_width, num_shared, width=settings.width)
        self.gates = nn.ModuleList(Gate(input_width, num_task_experts + num_shared) for _ in range(num_tasks))
        self.gate = Gate(input_width, num_tasks * num_task_experts + num_shared) if has_shared_gate else None

    def forward(self, of_tasks: list[Tensor], shared_ID: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the outputs (I,W) of the tasks, and the input of the next layer's shared experts.

        The last layer has no such gate and returns its shared input unchanged.
        """
        experts = [expert(read_ID) for expert, read_ID in zip(self.task_experts, of_tasks, strict=True)]
        shared_IKW = self.shared(shared_ID)
        outputs = [
            mix_experts(gate(read_ID), torch.cat([task_IKW, shared_IKW], dim=1))
            for gate, read_ID, task_IKW in zip(self.gates, of_tasks, experts, strict=True)
        ]
        if self.gate is None:
            return outputs, shared_ID
        return outputs, mix_experts(self.gate(shared_ID), torch.cat([*experts, shared_IKW], dim=1))
