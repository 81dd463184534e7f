"""The dense layer of a fusion in 16-bit integers: its products are exact, whatever the machine and the number of documents.

Axes: B documents, X numbers of all granularities, D width.
"""

import math
from ctypes import c_float, c_int64

import torch
from torch import Tensor, nn

from mgm.model.fusion import ConcatFusion
from mgm.model.kernels import pointer
from mgm.native import load_kernels

_LARGEST_SUM = 2**31 - 1
_LARGEST = 32767


class QuantizedDense:
    """The dense layer of a fusion with its ReLU, of vectors that are normalised but not scaled: the layer has the scales.

    Normalised vectors of X numbers are no longer than the square root of X. Weights are so small that, by the inequality of Cauchy
    and Schwarz, no sum of products overflows. The units of both divide the loss of precision evenly.
    """

    def __init__(self, fusion: ConcatFusion) -> None:
        """Quantise the present weights."""
        layers = [layer for layer in fusion.normalise if isinstance(layer, nn.LayerNorm)]
        weight, bias = fusion.dense.weight.detach().double(), fusion.dense.bias.detach().double()
        bias = bias + weight @ torch.cat([layer.bias.detach() for layer in layers]).double()
        weight = weight * torch.cat([layer.weight.detach() for layer in layers])
        width = weight.shape[1]
        widest = max(layer.normalized_shape[0] for layer in layers)
        per_one = min(math.sqrt(_LARGEST_SUM / width), _LARGEST / math.sqrt(widest))
        self._unit = 1 / per_one
        longest_row = math.sqrt(width) * (per_one + 0.5)
        longest_weight = _LARGEST_SUM / longest_row - 0.5 * math.sqrt(width)
        # a unit of each output, that its weights are neither too long nor too large
        units = torch.maximum(weight.norm(dim=1) / longest_weight, weight.abs().amax(dim=1) / _LARGEST)
        units[units == 0] = 1
        self._weight = (weight / units[:, None]).round().to(torch.int16)
        self._units, self._bias = (units * self._unit).float(), bias.float()

    def __call__(self, normalised: Tensor, rows: int) -> Tensor:
        """Return the fused vectors (B,D) of the first rows of normalised vectors (B,X), and zeros for the others."""
        outputs, columns = self._weight.shape
        integers = torch.empty(rows, columns, dtype=torch.int16)
        fused = torch.zeros(normalised.shape[0], outputs)
        kernels = load_kernels()
        assert kernels is not None
        kernels.mgm_quantize(
            pointer(normalised),
            *map(c_int64, (rows, columns, columns)),
            *map(c_float, (self._unit, _LARGEST)),
            pointer(integers),
            c_int64(columns),
        )
        kernels.mgm_dense_relu(
            pointer(integers),
            *map(c_int64, (rows, columns)),
            pointer(self._weight),
            c_int64(outputs),
            *map(pointer, (self._units, self._bias, fused)),
        )
        return fused
