"""Fusion of the pooled vectors of all granularities into one vector a document.

Axes: B documents, G granularities, T tasks, D width.
"""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.autoencoder import StackedAutoencoder
from mgm.model.dropout import Dropout
from mgm.settings.model import AutoencoderSettings, ModelSettings


class Fusion(nn.Module, ABC):
    """Vectors normalised and side by side, from which a subclass makes one vector a document for each task."""

    def __init__(
        self, widths: dict[str, int], tasks: list[str], *, dropout: float, has_scales: bool = True
    ) -> None:
        super().__init__()
        self.granularities = list(widths)
        self.tasks = tasks
        self.normalise = nn.ModuleList(
            nn.LayerNorm(w, elementwise_affine=has_scales) for w in widths.values()
        )
        self.dropout = Dropout(dropout)

    def forward(self, pooled: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return (B,D) for each task."""
        return self.fuse(self.read(pooled))

    def read(self, pooled: dict[str, Tensor]) -> Tensor:
        """Return the normalised vectors of all granularities side by side (B,X)."""
        parts = [n(pooled[g]) for n, g in zip(self.normalise, self.granularities, strict=True)]
        return torch.cat(parts, dim=1)

    @abstractmethod
    def fuse(self, normalised_BX: Tensor) -> dict[str, Tensor]:
        """Return (B,D) for each task, of the vectors that `read` gives."""

    def gate_weights(self) -> dict[str, dict[str, float]]:
        """Return the weight of each granularity, by task, where there are gates."""
        return {}


class ConcatFusion(Fusion):
    """One dense layer: the same vector for every task."""

    def __init__(self, widths: dict[str, int], tasks: list[str], *, width: int, dropout: float) -> None:
        super().__init__(widths, tasks, dropout=dropout)
        self.dense = nn.Linear(sum(widths.values()), width)

    def fuse(self, normalised_BX: Tensor) -> dict[str, Tensor]:
        """Return (B,D) for each task."""
        fused = F.relu(self.dense(self.dropout(normalised_BX)))
        return dict.fromkeys(self.tasks, fused)


class GatedFusion(Fusion):
    """Granularities projected to one width; of each a task takes a share, by a softmax over the task's gates."""

    def __init__(self, widths: dict[str, int], tasks: list[str], *, width: int, dropout: float) -> None:
        super().__init__(widths, tasks, dropout=dropout)
        self.project = nn.ModuleList(nn.Linear(w, width) for w in widths.values())
        self.gate_TG = nn.Parameter(torch.zeros(len(tasks), len(widths)))
        self._widths = list(widths.values())

    def fuse(self, normalised_BX: Tensor) -> dict[str, Tensor]:
        """Return (B,D) for each task."""
        parts = zip(self.project, normalised_BX.split(self._widths, dim=1), strict=True)
        projected_GBD = torch.stack([F.relu(p(self.dropout(part))) for p, part in parts])
        fused_TBD = torch.einsum("tg,gbd->tbd", self.gate_TG.softmax(1), projected_GBD)
        return dict(zip(self.tasks, fused_TBD, strict=True))

    def gate_weights(self) -> dict[str, dict[str, float]]:
        """Return the weight of each granularity, by task; a task's weights sum to 1."""
        weights = self.gate_TG.detach().softmax(1).tolist()
        return {
            t: dict(zip(self.granularities, row, strict=True))
            for t, row in zip(self.tasks, weights, strict=True)
        }


class AutoencoderFusion(Fusion):
    """The code of a stacked autoencoder: the same vector for every task.

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
        # Learned scales could make the error small for every document.
        super().__init__(widths, tasks, dropout=dropout, has_scales=False)
        self.autoencoder = StackedAutoencoder([sum(widths.values()), *stack.layers, width], stack.corruption)
        self.register_buffer("reference_error", torch.ones(()))

    def fuse(self, normalised_BX: Tensor) -> dict[str, Tensor]:
        """Return (B,D) for each task."""
        return dict.fromkeys(self.tasks, self.autoencoder.encode(self.dropout(normalised_BX)))

    def error(self, normalised_BX: Tensor) -> Tensor:
        """Return the reconstruction error (B,) of each document; 1 is that of a typical document."""
        return self.autoencoder.error(normalised_BX) / self.reference_error


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
