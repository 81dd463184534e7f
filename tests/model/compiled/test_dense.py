"""The dense layer in integers, beside torch's in floats."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from mgm import native
from mgm.model.compiled.dense import QuantizedDense
from mgm.model.fusion import ConcatFusion
from tests.kernel_library import kernel_library
from tests.model.compiled.frozen_dense import FROZEN, frozen_dense

WIDTHS = {"word": 24, "lead": 40}


@pytest.fixture(autouse=True, scope="module")
def kernels() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "LIBRARY", kernel_library())
        yield


@pytest.mark.parametrize(("rows", "width"), [(1, 6), (4, 5), (7, 1), (0, 2)])
@torch.no_grad()
def test_fused_vectors_are_near_those_of_torch(rows: int, width: int) -> None:
    """With the scales of the normalisations; rows beyond the documents are zeros."""
    torch.manual_seed(1)
    fusion = ConcatFusion(WIDTHS, ["topic"], width=width, dropout=0.0)
    for layer in fusion.normalise:
        assert isinstance(layer, nn.LayerNorm)
        nn.init.normal_(layer.weight)
        nn.init.normal_(layer.bias)
    pooled = {name: 3 + 10 * torch.randn(9, width) for name, width in WIDTHS.items()}
    normalised = torch.cat([nn.functional.layer_norm(v, v.shape[1:]) for v in pooled.values()], dim=1)
    fused = QuantizedDense(fusion)(normalised, rows)
    torch.testing.assert_close(fused[:rows], fusion(pooled)["topic"][:rows], rtol=0, atol=2e-3)
    assert fused.shape == (9, width) and not fused[rows:].any()


@pytest.mark.parametrize("direction", ["even", "one_large"])
@torch.no_grad()
def test_the_largest_sums_do_not_overflow(direction: str) -> None:
    """Those of a document whose vector has the direction of the weights."""
    fusion = ConcatFusion({"word": 1024}, ["topic"], width=2, dropout=0.0)
    vector = torch.ones(1024)
    vector[::2] = -1
    if direction == "one_large":
        vector = nn.functional.one_hot(torch.tensor(5), 1024).float()
    normalised = nn.functional.layer_norm(vector, (1024,))[None]
    fusion.dense.weight.copy_(torch.cat([normalised, -normalised]))
    nn.init.zeros_(fusion.dense.bias)
    fused = QuantizedDense(fusion)(normalised, 1)
    expected = torch.stack([normalised.square().sum(), torch.zeros(())])[None]
    torch.testing.assert_close(fused, expected, rtol=1e-3, atol=0)


def test_fused_vectors_are_frozen() -> None:
    """The same bits on every machine and of every compiler; a change of them must be meant."""
    assert frozen_dense() == FROZEN
