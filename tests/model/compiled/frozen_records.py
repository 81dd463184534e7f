"""Records that the kernel writes for words and weights that are the same on every machine."""

import ctypes
import hashlib
from typing import NamedTuple

import numpy as np

from mgm.model.compiled.word_table import LARGEST, NewWordsOfKernel
from mgm.native import check_status, load_kernels

SIZES, WINDOW_WIDTH, WORDS, NGRAMS, PROPERTIES = (1, 2, 5), 32, 101, 40, 3
LARGEST_FACTOR = 8191
FROZEN = "6dee6dd9566e04584558f4b44ddb0ae209b02c387957c21624fc6446450b301d"
"""The hash of the records of both widths, of every compiler."""


class Numbers(NamedTuple):
    """Words and weights, without any random number."""

    ngram: np.ndarray
    ngram_bound: np.ndarray
    id: np.ndarray
    property: np.ndarray
    ngram_vectors: np.ndarray
    id_vectors: np.ndarray
    property_vectors: list[np.ndarray]
    unit: np.ndarray
    weight: np.ndarray
    scale: np.ndarray
    bias: np.ndarray

    @property
    def width(self) -> int:
        """The numbers of a vector."""
        return self.id_vectors.shape[1]


def _numbers(rows: int, columns: int, *, seed: int) -> np.ndarray:
    place = np.arange(rows * columns, dtype=np.int64) + seed
    return ((place * 7919 % 2003 - 1001) / 1024).astype(np.float32).reshape(rows, columns)


def numbers(width: int) -> Numbers:
    """Words of 0 to 6 n-grams, and vectors of this width."""
    counts = np.arange(WORDS, dtype=np.int64) % 7
    places, padded = sum(SIZES) * WINDOW_WIDTH, -(-width // 32) * 32
    weight = np.zeros((places, padded), np.int16)
    weight[:, :width] = (np.arange(places * width) * 104729 % 4001 - 2000).reshape(places, width)
    return Numbers(
        ngram=np.arange(counts.sum()) * 17 % NGRAMS,
        ngram_bound=np.concatenate([[0], np.cumsum(counts)]),
        id=np.arange(WORDS, dtype=np.int64) * 3 % 20,
        property=(np.arange(WORDS * PROPERTIES, dtype=np.int64) * 5 % 4).reshape(WORDS, PROPERTIES),
        ngram_vectors=_numbers(NGRAMS, width, seed=1),
        id_vectors=_numbers(20, width, seed=2),
        property_vectors=[_numbers(4, width, seed=3 + place) for place in range(PROPERTIES)],
        unit=np.array([2**-16, 2**-13], np.float32),
        weight=weight,
        scale=np.full(places, 2**-8, np.float32),
        bias=_numbers(1, places, seed=9)[0] * 100,
    )


def write(numbers: Numbers, first: int = 0, last: int = WORDS) -> np.ndarray:
    """The records that the kernel writes for the words from `first` to before `last`."""
    size = np.array(SIZES, np.int64)
    record = 2 * numbers.width + len(numbers.bias)
    records = np.zeros((last - first, record), np.int16)
    addresses = [vectors.ctypes.data for vectors in numbers.property_vectors]
    arguments = NewWordsOfKernel(
        last - first,
        numbers.ngram.ctypes.data,
        numbers.ngram_bound[first:].ctypes.data,
        numbers.id[first:].ctypes.data,
        numbers.property[first:].ctypes.data,
        numbers.width,
        numbers.ngram_vectors.ctypes.data,
        numbers.id_vectors.ctypes.data,
        ctypes.cast((ctypes.c_void_p * PROPERTIES)(*addresses), ctypes.c_void_p),
        PROPERTIES,
        numbers.unit.ctypes.data,
        LARGEST,
        LARGEST_FACTOR,
        len(SIZES),
        WINDOW_WIDTH,
        size.ctypes.data,
        numbers.weight.ctypes.data,
        numbers.weight.shape[1],
        numbers.scale.ctypes.data,
        numbers.bias.ctypes.data,
        records.ctypes.data,
        record,
    )
    kernels = load_kernels()
    assert kernels is not None
    check_status(kernels.mgm_write_words(ctypes.byref(arguments)))
    return records


def frozen_records() -> str:
    """The hash of the kernel's records, of vectors that it sums in blocks and of others."""
    both = [write(numbers(width)).tobytes() for width in (24, 64)]
    return hashlib.sha256(b"".join(both)).hexdigest()
