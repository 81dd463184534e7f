"""The kernel that pools words and normalises what it pooled, beside plain numpy and torch."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mgm import native
from tests.kernel_library import kernel_library
from tests.model.compiled.frozen_pooled import (
    COLUMNS,
    FROZEN,
    FROZEN_NORMALISED,
    SIZES,
    VECTORS,
    WIDTH,
    frozen_normalised,
    frozen_pooled,
    numbered_documents,
    numbered_records,
    pool,
)

RECORDS = numbered_records()


@pytest.fixture(autouse=True, scope="module")
def kernels() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "LIBRARY", kernel_library())
        yield


def pooled_by_numpy(document: list[int], positions: int) -> np.ndarray:
    """The means of the vectors and the maxima of the windows of the first positions of a document."""
    columns = [RECORDS[document[:positions], :VECTORS].astype(np.float64).sum(0) / max(positions, 1)]
    at = VECTORS
    for size in SIZES:
        most = np.zeros(WIDTH)
        for i in range(positions):
            total = np.zeros(WIDTH)
            for place in range(size):
                other = i - (size - 1) // 2 + place
                if 0 <= other < len(document):
                    total += RECORDS[document[other], at + place * WIDTH :][:WIDTH]
            most = np.maximum(most, total)
        columns.append(most)
        at += size * WIDTH
    return np.concatenate(columns).astype(np.float32)


@settings(max_examples=25)
@given(st.lists(st.lists(st.integers(0, 49), max_size=20), min_size=1, max_size=4), st.integers(1, 4))
def test_means_and_maxima_are_exact(documents: list[list[int]], lead: int) -> None:
    leads = [min(lead, len(document)) for document in documents]
    pooled = pool(RECORDS, documents, leads)
    for i, document in enumerate(documents):
        of_lead = pooled_by_numpy(document, leads[i])
        expected = [
            pooled_by_numpy(document, len(document)),
            of_lead,
            of_lead[:VECTORS].reshape(2, -1).sum(0),
        ]
        assert np.array_equal(pooled[i], np.concatenate(expected))


def test_the_mean_of_a_very_long_document_does_not_overflow() -> None:
    records = np.full_like(RECORDS, 32767)
    at = VECTORS
    for size in SIZES:
        records[:, at : at + size * WIDTH] //= size
        at += size * WIDTH
    pooled = pool(records, [[0] * 200_000], [70_000])[:, : 2 * COLUMNS].reshape(1, 2, -1)
    assert (pooled[0, :, :VECTORS] == 32767).all()
    for place, size in enumerate(SIZES):
        of_window = pooled[0, :, VECTORS + place * WIDTH :][:, :WIDTH]
        assert (of_window == 32767 // size * size).all()


def test_pooled_vectors_are_frozen() -> None:
    """The same bits on every machine and of every compiler; a change of them must be meant."""
    assert frozen_pooled() == FROZEN
    assert frozen_normalised() == FROZEN_NORMALISED


@pytest.mark.parametrize("has_weights", [True, False], ids=["weights", "no_weights"])
@torch.no_grad()
def test_vectors_are_normalised_side_by_side(has_weights: bool) -> None:
    """Of any width; also those of a document without words, which are zeros."""
    torch.manual_seed(1)
    widths = (8, 24, 5, 96)
    layers = [nn.LayerNorm(width, elementwise_affine=has_weights) for width in widths]
    for layer in layers if has_weights else ():
        nn.init.normal_(layer.weight)
        nn.init.normal_(layer.bias)
    pooled = torch.from_numpy(pool(RECORDS, *numbered_documents()))[:, : sum(widths)]
    parts = zip(layers, pooled.split(widths, dim=1), strict=True)
    expected = torch.cat([layer(part) for layer, part in parts], dim=1)
    normalised = torch.from_numpy(pool(RECORDS, *numbered_documents(), layers))
    torch.testing.assert_close(normalised, expected)
