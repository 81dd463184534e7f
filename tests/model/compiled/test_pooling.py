"""The kernel that pools words, beside plain numpy."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm import native
from tests.kernel_library import kernel_library
from tests.model.compiled.frozen_pooled import (
    FROZEN,
    SIZES,
    VECTORS,
    WIDTH,
    frozen_pooled,
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
        assert np.array_equal(pooled[i, 0], pooled_by_numpy(document, len(document)))
        assert np.array_equal(pooled[i, 1], pooled_by_numpy(document, leads[i]))


def test_the_mean_of_a_very_long_document_does_not_overflow() -> None:
    records = np.full_like(RECORDS, 32767)
    at = VECTORS
    for size in SIZES:
        records[:, at : at + size * WIDTH] //= size
        at += size * WIDTH
    pooled = pool(records, [[0] * 200_000], [70_000])
    assert (pooled[0, :, :VECTORS] == 32767).all()
    for place, size in enumerate(SIZES):
        of_window = pooled[0, :, VECTORS + place * WIDTH :][:, :WIDTH]
        assert (of_window == 32767 // size * size).all()


def test_pooled_vectors_are_frozen() -> None:
    """The same bits on every machine and of every compiler; a change of them must be meant."""
    assert frozen_pooled() == FROZEN
