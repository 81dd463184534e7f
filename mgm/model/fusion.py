"""The pooled vectors of all granularities to one vector a document.

Axes: B documents, G granularities, T tasks, D width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.autoencoder import StackedAutoencoder
from mgm.settings.model import AutoencoderSettings, ModelSettings


class ConcatFusion(nn.Module):
    """Normalised, side by side, then one dense layer: the same vector for every task."""

    def __init__(self, widths: dict[str, int], tasks: list[str], width: int, dropout: float) -> None:
        super().__init__()
        self.granularities = list(widths)
        self.tasks = tasks
        self.normalise = nn.ModuleList(nn.LayerNorm(w) for w in widths.values())
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(sum(widths.values()), width)

    def forward(self, pooled: dict[str, Tensor]) -> dict[str, Tensor]:
        """(B,D) a task."""
        parts = [n(pooled[g]) for n, g in zip(self.normalise, self.granularities, strict=True)]
        fused = F.relu(self.dense(self.dropout(torch.cat(parts, dim=1))))
        return dict.fromkeys(self.tasks, fused)

    def gate_weights(self) -> dict[str, dict[str, float]]:
        """Nothing: this fusion has no gates."""
        return {}


class GatedFusion(nn.Module):
    """A softmax over the granularities, projected to one width, says how much of each a task takes."""

    def __init__(self, widths: dict[str, int], tasks: list[str], width: int, dropout: float) -> None:
        super().__init__()
        self.granularities = list(widths)
        self.tasks = tasks
        self.normalise = nn.ModuleList(nn.LayerNorm(w) for w in widths.values())
        self.dropout = nn.Dropout(dropout)
        self.project = nn.ModuleList(nn.Linear(w, width) for w in widths.values())
        self.gate_TG = nn.Parameter(torch.zeros(len(tasks), len(widths)))

    def forward(self, pooled: dict[str, Tensor]) -> dict[str, Tensor]:
        """(B,D) a task."""
        parts = zip(self.project, self.normalise, self.granularities, strict=True)
        projected_GBD = torch.stack([F.relu(p(self.dropout(n(pooled[g])))) for p, n, g in parts])
        fused_TBD = torch.einsum("tg,gbd->tbd", self.gate_TG.softmax(1), projected_GBD)
        return dict(zip(self.tasks, fused_TBD, strict=True))

    def gate_weights(self) -> dict[str, dict[str, float]]:
        """Task to granularity to its weight; a task's weights sum to 1."""
        weights = self.gate_TG.detach().softmax(1).tolist()
        return {
            t: dict(zip(self.granularities, row, strict=True))
            for t, row in zip(self.tasks, weights, strict=True)
        }


class AutoencoderFusion(nn.Module):
    """Normalised, side by side, then the code of a stacked autoencoder: the same vector for every task.

    How badly the stack restores what it reads says how unlike the training documents a document is.
    """

    reference_error: Tensor

    def __init__(
        self, widths: dict[str, int], tasks: list[str], width: int, dropout: float, stack: AutoencoderSettings
    ) -> None:
        super().__init__()
        self.granularities = list(widths)
        self.tasks = tasks
        # without learned scales, by which the error could be made small for every document
        self.normalise = nn.ModuleList(nn.LayerNorm(w, elementwise_affine=False) for w in widths.values())
        self.dropout = nn.Dropout(dropout)
        self.autoencoder = StackedAutoencoder([sum(widths.values()), *stack.layers, width], stack.corruption)
        self.register_buffer("reference_error", torch.ones(()))

    def forward(self, pooled: dict[str, Tensor]) -> dict[str, Tensor]:
        """(B,D) a task."""
        return dict.fromkeys(self.tasks, self.autoencoder.encode(self.dropout(self.read(pooled))))

    def read(self, pooled: dict[str, Tensor]) -> Tensor:
        """(B,X) what the stack reads."""
        parts = [n(pooled[g]) for n, g in zip(self.normalise, self.granularities, strict=True)]
        return torch.cat(parts, dim=1)

    def error(self, pooled: dict[str, Tensor]) -> Tensor:
        """(B,) the reconstruction error of each document, 1: as large as that of a typical document."""
        return self.autoencoder.error(self.read(pooled)) / self.reference_error

    def gate_weights(self) -> dict[str, dict[str, float]]:
        """Nothing: this fusion has no gates."""
        return {}


Fusion = ConcatFusion | GatedFusion | AutoencoderFusion


def build_fusion(settings: ModelSettings, widths: dict[str, int], tasks: list[str]) -> Fusion:
    """The fusion that the settings name, of granularities with these widths."""
    if settings.fusion == "stacked_autoencoder":
        return AutoencoderFusion(widths, tasks, settings.fusion_width, settings.dropout, settings.autoencoder)
    made = GatedFusion if settings.fusion == "gated" else ConcatFusion
    return made(widths, tasks, settings.fusion_width, settings.dropout)
