"""Fusion of the pooled vectors of all granularities into one vector a document.

Axes: B documents, G granularities, T tasks, D width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.autoencoder import StackedAutoencoder
from mgm.settings.model import AutoencoderSettings, ModelSettings


class ConcatFusion(nn.Module):
    """Vectors normalised, side by side, then one dense layer: the same vector for every task."""

    def __init__(self, widths: dict[str, int], tasks: list[str], *, width: int, dropout: float) -> None:
        super().__init__()
        self.granularities = list(widths)
        self.tasks = tasks
        self.normalise = nn.ModuleList(nn.LayerNorm(w) for w in widths.values())
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(sum(widths.values()), width)

    def forward(self, pooled: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return (B,D) for each task."""
        parts = [n(pooled[g]) for n, g in zip(self.normalise, self.granularities, strict=True)]
        return self.fuse(torch.cat(parts, dim=1))

    def fuse(self, normalised: Tensor) -> dict[str, Tensor]:
        """Return (B,D) for each task, of the normalised vectors side by side."""
        fused = F.relu(self.dense(self.dropout(normalised)))
        return dict.fromkeys(self.tasks, fused)

    def gate_weights(self) -> dict[str, dict[str, float]]:
        """Return nothing: this fusion has no gates."""
        return {}


class GatedFusion(nn.Module):
    """Granularities projected to one width; of each a task takes a share, by a softmax over the task's gates."""

    def __init__(self, widths: dict[str, int], tasks: list[str], *, width: int, dropout: float) -> None:
        super().__init__()
        self.granularities = list(widths)
        self.tasks = tasks
        self.normalise = nn.ModuleList(nn.LayerNorm(w) for w in widths.values())
        self.dropout = nn.Dropout(dropout)
        self.project = nn.ModuleList(nn.Linear(w, width) for w in widths.values())
        self.gate_TG = nn.Parameter(torch.zeros(len(tasks), len(widths)))

    def forward(self, pooled: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return (B,D) for each task."""
        parts = zip(self.project, self.normalise, self.granularities, strict=True)
        projected_GBD = torch.stack([F.relu(p(self.dropout(n(pooled[g])))) for p, n, g in parts])
        fused_TBD = torch.einsum("tg,gbd->tbd", self.gate_TG.softmax(1), projected_GBD)
        return dict(zip(self.tasks, fused_TBD, strict=True))

    def gate_weights(self) -> dict[str, dict[str, float]]:
        """Return the weight of each granularity, by task; a task's weights sum to 1."""
        weights = self.gate_TG.detach().softmax(1).tolist()
        return {
            t: dict(zip(self.granularities, row, strict=True))
            for t, row in zip(self.tasks, weights, strict=True)
        }


class AutoencoderFusion(nn.Module):
    """Vectors normalised, side by side, then the code of a stacked autoencoder: the same vector for every task.

    The error with which the stack restores a document measures how unlike the training documents it is.
    """

    reference_error: Tensor

    def __init__(
        self,
        widths: dict[str, int],
        tasks: list[str],
        *,
        width: int,
        dropout: float,
        stack: AutoencoderSettings,
    ) -> None:
        super().__init__()
        self.granularities = list(widths)
        self.tasks = tasks
        # Learned scales could make the error small for every document.
        self.normalise = nn.ModuleList(nn.LayerNorm(w, elementwise_affine=False) for w in widths.values())
        self.dropout = nn.Dropout(dropout)
        self.autoencoder = StackedAutoencoder([sum(widths.values()), *stack.layers, width], stack.corruption)
        self.register_buffer("reference_error", torch.ones(()))

    def forward(self, pooled: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return (B,D) for each task."""
        return dict.fromkeys(self.tasks, self.autoencoder.encode(self.dropout(self.read(pooled))))

    def read(self, pooled: dict[str, Tensor]) -> Tensor:
        """Return the input (B,X) of the stack."""
        parts = [n(pooled[g]) for n, g in zip(self.normalise, self.granularities, strict=True)]
        return torch.cat(parts, dim=1)

    def error(self, pooled: dict[str, Tensor]) -> Tensor:
        """Return the reconstruction error (B,) of each document; 1 is that of a typical document."""
        return self.autoencoder.error(self.read(pooled)) / self.reference_error

    def gate_weights(self) -> dict[str, dict[str, float]]:
        """Return nothing: this fusion has no gates."""
        return {}


Fusion = ConcatFusion | GatedFusion | AutoencoderFusion


def build_fusion(settings: ModelSettings, widths: dict[str, int], *, tasks: list[str]) -> Fusion:
    """Return the fusion that the settings name, of granularities with these widths."""
    if settings.fusion == "stacked_autoencoder":
        return AutoencoderFusion(
            widths,
            tasks,
            width=settings.fusion_width,
            dropout=settings.dropout,
            stack=settings.autoencoder,
        )
    kind = GatedFusion if settings.fusion == "gated" else ConcatFusion
    return kind(widths, tasks, width=settings.fusion_width, dropout=settings.dropout)
