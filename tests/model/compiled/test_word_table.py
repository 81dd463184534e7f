"""The kernel that writes the records of words, beside plain numpy."""

from collections.abc import Iterator

import numpy as np
import pytest

from mgm import native
from tests.kernel_library import kernel_library
from tests.model.compiled.frozen_records import (
    FROZEN,
    LARGEST_FACTOR,
    SIZES,
    WINDOW_WIDTH,
    WORDS,
    Numbers,
    frozen_records,
    numbers,
    write,
)


@pytest.fixture(autouse=True, scope="module")
def kernels() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "LIBRARY", kernel_library())
        yield


def by_numpy(of: Numbers) -> np.ndarray:
    """The numbers of the records before they are rounded, in double precision."""
    bounds = zip(of.ngram_bound[:-1], of.ngram_bound[1:], strict=True)
    characters = np.array(
        [of.ngram_vectors[of.ngram[a:b]].sum(0, dtype=np.float64) / max(b - a, 1) for a, b in bounds]
    )
    word = of.id_vectors[of.id].astype(np.float64)
    for place, vectors in enumerate(of.property_vectors):
        word += vectors[of.property[:, place]]
    whole = characters + word
    factor = LARGEST_FACTOR / np.abs(whole).max(1, keepdims=True)
    integers = np.rint(whole * factor)
    products = integers @ of.weight[:, : of.width].T.astype(np.float64) / factor * of.scale + of.bias
    limit = np.repeat([32767 // size for size in SIZES], np.array(SIZES) * WINDOW_WIDTH)
    vectors = np.hstack([characters / of.unit[0], word / of.unit[1]])
    return np.hstack([np.clip(vectors, -32767, 32767), np.clip(products, -limit, limit)])


@pytest.mark.parametrize("width", [24, 64])
def test_records_are_vectors_and_products(width: int) -> None:
    """A product may be off by what the last digit of a factor is worth; some numbers saturate."""
    found, expected = write(numbers(width)).astype(np.float64), by_numpy(numbers(width))
    assert np.abs(found - expected)[:, : 2 * width].max() < 0.51
    assert np.abs(found - expected).max() < 2
    assert (np.abs(found) == 32767).any() and len(np.unique(found)) > 1000


def test_words_written_in_parts_have_the_same_records() -> None:
    whole = write(numbers(24))
    parts = [write(numbers(24), first, last) for first, last in ((0, 5), (5, 60), (60, WORDS))]
    assert np.array_equal(np.concatenate(parts), whole)


def test_records_are_frozen() -> None:
    """The same bits on every machine and of every compiler; a change of them must be meant."""
    assert frozen_records() == FROZEN
