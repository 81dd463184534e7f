"""Progressive layered extraction.

Axes: I items, K experts, D width read, W width of an expert.
"""

import torch
from torch import Tensor, nn

from mgm.model.sharing.experts import Experts, ExpertSharing, Gate, Level, mixed
from mgm.settings.model import ExtractionSettings, ModelSettings


class PleSharing(ExpertSharing):
    """Every task has experts of its own beside the shared ones, in layers. Source: Tang et al. 2020 (PLE)."""

    def level(self, tasks: list[str], width: int, settings: ModelSettings) -> Level:
        return Extraction(tasks, width, settings.ple)


class Extraction(Level):
    """Layers of experts, each reading what the gates of the layer before give; the first reads the encoder."""

    def __init__(self, tasks: list[str], input_width: int, settings: ExtractionSettings) -> None:
        super().__init__()
        self.tasks, self.width = tasks, settings.width
        last = settings.layers - 1
        self.layers = nn.ModuleList(
            Layer(len(tasks), settings.width if layer else input_width, settings, shares=layer < last)
            for layer in range(settings.layers)
        )

    def forward(self, vectors: dict[str, Tensor]) -> dict[str, Tensor]:
        own = [vectors[task] for task in self.tasks]
        distinct = list({id(read): read for read in own}.values())
        shared = distinct[0] if len(distinct) == 1 else torch.stack(distinct).mean(0)
        for layer in self.layers:
            own, shared = layer(own, shared)
        return dict(zip(self.tasks, own, strict=True))

    def task_specific_parameters(self, task: str) -> list[nn.Parameter]:
        """Those of the last layer: in the others a task's experts are read by the shared ones above."""
        layer, place = self.layers[-1], self.tasks.index(task)
        assert isinstance(layer, Layer)
        return [*layer.own[place].parameters(), *layer.gates[place].parameters()]


class Layer(nn.Module):
    """Customised gate control: a task's gate is over its own experts and the shared ones; where the layer `shares`, one more
    gate over all experts of all tasks makes what the shared experts of the next layer read."""

    def __init__(self, tasks: int, input_width: int, settings: ExtractionSettings, shares: bool) -> None:
        super().__init__()
        own, shared = settings.task_experts, settings.shared_experts
        self.own = nn.ModuleList(Experts(input_width, own, settings.width) for _ in range(tasks))
        self.shared = Experts(input_width, shared, settings.width)
        self.gates = nn.ModuleList(Gate(input_width, own + shared) for _ in range(tasks))
        self.gate = Gate(input_width, tasks * own + shared) if shares else None

    def forward(self, own: list[Tensor], shared_ID: Tensor) -> tuple[list[Tensor], Tensor]:
        """(I,W) of each task, and of the shared experts of the next layer (the last layer has none: what it read)."""
        experts = [expert(read) for expert, read in zip(self.own, own, strict=True)]
        common_IKW = self.shared(shared_ID)
        given = [
            mixed(gate(read), torch.cat([mine, common_IKW], dim=1))
            for gate, read, mine in zip(self.gates, own, experts, strict=True)
        ]
        if self.gate is None:
            return given, shared_ID
        return given, mixed(self.gate(shared_ID), torch.cat([*experts, common_IKW], dim=1))
