"""A stack of denoising autoencoders: from a vector to a smaller one, its code, that restores it.

Axes: B documents, X width of the input. Source: Vincent et al. 2010, Stacked Denoising Autoencoders (JMLR 11).
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class StackedAutoencoder(nn.Module):
    """Layers that encode their input, each with one that restores it."""

    def __init__(self, widths: list[int], corruption: float) -> None:
        """Make the stack.

        Args:
            widths: the widths of the input and of each layer; the last one is the code's.
            corruption: the share of a layer's input that is zeroed while the layer learns to restore it.
        """
        super().__init__()
        self.corruption = corruption
        self.encoder = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.decoder = nn.ModuleList(nn.Linear(b, a) for a, b in pairwise(widths))

    def encode(self, input_BX: Tensor, layers: int | None = None) -> Tensor:
        """Return the code of the first `layers` layers, (B, width of the last of these); None: of all layers."""
        for layer in list(self.encoder)[:layers]:
            input_BX = F.relu(layer(input_BX))
        return input_BX

    def decode(self, code: Tensor) -> Tensor:
        """Return the input (B,X) restored from a code."""
        for index in reversed(range(len(self.decoder))):
            code = self._restored(code, index)
        return code

    def layer_loss(self, input_BX: Tensor, index: int) -> Tensor:
        """Return the mean squared error, a scalar, with which layer `index` restores its input, the code of the layers before it."""
        with torch.no_grad():
            clean = self.encode(input_BX, index)
        kept = torch.rand_like(clean) >= self.corruption
        return F.mse_loss(self._restored(F.relu(self.encoder[index](clean * kept)), index), clean)

    def error(self, input_BX: Tensor) -> Tensor:
        """Return the mean squared error (B,) with which the whole stack restores its input."""
        return (self.decode(self.encode(input_BX)) - input_BX).square().mean(1)

    def _restored(self, code: Tensor, index: int) -> Tensor:
        """Return the restored input of a layer, which is rectified for all layers but the first."""
        restored = self.decoder[index](code)
        return F.relu(restored) if index else restored
