"""Layer normalisation by a kernel, of several vectors at once, which it writes side by side.

Axes: B documents.
"""

from collections.abc import Sequence
from ctypes import c_float, c_int64, c_void_p

import torch
from torch import Tensor, nn

from mgm.native import load_kernels

_LANES = 8
"""Numbers that the kernel reads at once, FLOATS of documents.c."""


def normalise_side_by_side(layers: nn.ModuleList, vectors: Sequence[Tensor]) -> Tensor:
    """Return the vectors, each (B, its width), normalised by the layer of each, side by side."""
    sizes = [vector.shape[1] for vector in vectors]
    normalised = torch.empty(vectors[0].shape[0], sum(sizes))
    for layer, vector, out in zip(layers, vectors, normalised.split(sizes, dim=1), strict=True):
        assert isinstance(layer, nn.LayerNorm)
        if vector.shape[1] % _LANES or vector.stride(1) != 1:
            out.copy_(layer(vector))
        else:
            _write(layer, vector, out=out)
    return normalised


def _write(layer: nn.LayerNorm, vector: Tensor, *, out: Tensor) -> None:
    kernels = load_kernels()
    assert kernels is not None
    kernels.mgm_normalize(
        c_void_p(vector.data_ptr()),
        *map(c_int64, (*vector.shape, vector.stride(0))),
        *(c_void_p(None if weight is None else weight.data_ptr()) for weight in (layer.weight, layer.bias)),
        c_float(layer.eps),
        c_void_p(out.data_ptr()),
        c_int64(out.stride(0)),
    )
