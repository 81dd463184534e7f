"""Layer normalisation by a kernel, beside torch."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from mgm import native
from mgm.model.compiled.layer_norm import normalise_side_by_side
from tests.kernel_library import kernel_library
from tests.model.compiled.frozen_pooled import FROZEN_NORMALISED, frozen_normalised

SIZES = (8, 24, 5, 96)


@pytest.fixture(autouse=True, scope="module")
def kernels() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "LIBRARY", kernel_library())
        yield


@pytest.mark.parametrize("has_weights", [True, False], ids=["weights", "no_weights"])
@torch.no_grad()
def test_vectors_are_normalised_side_by_side(has_weights: bool) -> None:
    """Also where their rows have numbers between them, and where the kernel does not know the width."""
    torch.manual_seed(1)
    layers = nn.ModuleList(nn.LayerNorm(size, elementwise_affine=has_weights) for size in SIZES)
    for layer in layers if has_weights else ():
        nn.init.normal_(layer.weight)
        nn.init.normal_(layer.bias)
    table = 3 + 10 * torch.randn(7, sum(SIZES))
    vectors = [*table.split(SIZES, dim=1)]
    vectors[3] = vectors[3] * 0
    found = normalise_side_by_side(layers, vectors)
    expected = torch.cat([layer(vector) for layer, vector in zip(layers, vectors, strict=True)], dim=1)
    torch.testing.assert_close(found, expected)


def test_the_bits_are_those_of_every_compiler() -> None:
    assert frozen_normalised() == FROZEN_NORMALISED
