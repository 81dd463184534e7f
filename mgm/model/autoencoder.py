"""A stack of denoising autoencoders: a vector to a smaller one that it can be told from.

Axes: B documents, X width of the input. Source: Vincent et al. 2010, Stacked Denoising Autoencoders (JMLR 11).
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class StackedAutoencoder(nn.Module):
    """`widths`: of the input and of each layer, the last one the code's. `corruption`: the share of a layer's input that is
    zeroed while the layer learns to restore it."""

    def __init__(self, widths: list[int], corruption: float) -> None:
        super().__init__()
        self.corruption = corruption
        self.encoder = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.decoder = nn.ModuleList(nn.Linear(b, a) for a, b in pairwise(widths))

    def encode(self, input_BX: Tensor, layers: int | None = None) -> Tensor:
        """(B, width of the last of the first `layers` layers), all of them if not given."""
        for layer in list(self.encoder)[:layers]:
            input_BX = F.relu(layer(input_BX))
        return input_BX

    def decode(self, code: Tensor) -> Tensor:
        """(B,X) what a code says of the input."""
        for place in reversed(range(len(self.decoder))):
            code = self._restored(code, place)
        return code

    def layer_loss(self, input_BX: Tensor, place: int) -> Tensor:
        """The mean squared error, a scalar, with which layer `place` restores its own input, that of the layers before it."""
        with torch.no_grad():
            clean = self.encode(input_BX, place)
        kept = torch.rand_like(clean) >= self.corruption
        return F.mse_loss(self._restored(F.relu(self.encoder[place](clean * kept)), place), clean)

    def error(self, input_BX: Tensor) -> Tensor:
        """(B,) the mean squared error with which the whole stack restores its input."""
        return (self.decode(self.encode(input_BX)) - input_BX).square().mean(1)

    def _restored(self, code: Tensor, place: int) -> Tensor:
        """The input of a layer; that of all but the first is what a rectifier gives."""
        restored = self.decoder[place](code)
        return F.relu(restored) if place else restored
