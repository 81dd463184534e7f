"""The wide part of documents by a compiled kernel: it counts, weighs and sums each document's n-grams in the processor's cache.

Axes: B documents, K logits of all tasks.
"""

import ctypes
import threading
from ctypes import c_float, c_int64, c_void_p
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from torch import Tensor

from mgm.model.batch import Batch
from mgm.model.kernels import kernels_for, pointer
from mgm.native import check_status, load_kernels
from mgm.native.memory import zeros
from mgm.text.list_columns import Array

if TYPE_CHECKING:
    from mgm.model.wide.documents import Wide

_LONGEST_CHINESE_NGRAM = 16  # of kernels.c
_MOST_BUCKETS = 1 << 31
_LARGEST = 32767
_LANES = 8


class _Arguments(ctypes.Structure):
    """`Wide` of kernels.c."""

    _fields_ = [
        ("documents", c_int64),
        *((name, c_void_p) for name in ("sentences", "sentence_length", "word", "id")),
        *((name, c_void_p) for name in ("ngram", "ngram_offset", "character", "character_offset")),
        *((name, c_int64) for name in ("outputs", "word_buckets", "ngram_buckets", "chinese_buckets")),
        *((name, c_int64) for name in ("chinese_min", "chinese_max")),
        *((name, c_void_p) for name in ("word_weight", "word_idf", "character_weight", "character_idf")),
        ("sublinear", c_void_p),
        *((name, c_void_p) for name in ("word_row", "character_row", "word_scale", "character_scale")),
        ("stride", c_int64),
        *((name, c_void_p) for name in ("type_row", "type_scale", "type_square")),
        ("summed_types", c_int64),
    ]


@dataclass(frozen=True, kw_only=True)
class WideInput:
    """The words of documents and their n-grams; int64 arrays, as those of a batch."""

    sentences: Array
    sentence_length: Array
    word: Array
    ids: Array
    ngrams: Array
    ngram_bounds: Array
    characters: Array | None
    """None: all words have the n-grams within them."""
    character_bounds: Array | None

    @classmethod
    def of(cls, batch: Batch, *, reads_chinese: bool) -> Self:
        """Return the words of a batch."""
        return cls(
            sentences=batch.sentences_per_document.numpy(),
            sentence_length=batch.sentence_length.numpy(),
            word=batch.word.numpy(),
            ids=batch.type_id.numpy(),
            ngrams=batch.type_ngram.numpy(),
            ngram_bounds=batch.type_ngram_offset.numpy(),
            characters=batch.type_character.numpy() if reads_chinese else None,
            character_bounds=batch.type_character_offset.numpy() if reads_chinese else None,
        )


def can_read(wide: "Wide") -> bool:
    """Return whether the kernel knows buckets and n-grams like these."""
    buckets = max(wide.idf_word.numel(), wide.idf_character.numel())
    return buckets < _MOST_BUCKETS and wide.chinese.ngram_max <= _LONGEST_CHINESE_NGRAM


def wide_logits(wide: "Wide", batch: Batch, *, reads_chinese: bool) -> Tensor | None:
    """Return the logits (B,K) of all tasks, equal to those of torch but for rounding; None where the kernel cannot compute them."""
    weights = (wide.words.weight, wide.idf_word, wide.characters.weight, wide.idf_character)
    if kernels_for(*weights, wide.bias) is None or not can_read(wide):
        return None
    return _logits(wide, WideInput.of(batch, reads_chinese=reads_chinese))


class NgramSums:
    """The sums of the rows of the n-grams of some words, of which a document's logits need fewer than there are n-grams.

    The words without a sum are those from row `size` on.
    """

    def __init__(self, capacity: int, stride: int) -> None:
        self.size = 0
        self.integers = torch.from_numpy(zeros((capacity, stride), np.int16))
        self.scale, self.square = (torch.from_numpy(zeros((capacity,), np.float32)) for _ in range(2))


class QuantizedWide:
    """The weights of a wide part as 16-bit integers with a scale for each n-gram: half the memory to read."""

    def __init__(self, wide: "Wide") -> None:
        self.wide = wide
        self.tables = [
            _quantize_rows(wide.words.weight, wide.idf_word),
            _quantize_rows(wide.characters.weight, wide.idf_character),
        ]

    def empty_sums(self, capacity: int) -> NgramSums:
        """Return room for the sums of so many words."""
        return NgramSums(capacity, self.tables[1][0].shape[1])

    def append(self, sums: NgramSums, ngrams: Array, *, bounds: Array) -> None:
        """Write the sums of the next words, whose n-grams are ngrams[bounds[i] : bounds[i + 1]]."""
        kernels = load_kernels()
        assert kernels is not None
        integers, scale = self.tables[1]
        stride = integers.shape[1]
        arrays = [np.ascontiguousarray(array, np.int64) for array in (ngrams, bounds)]
        status = kernels.mgm_sum_ngrams(
            *(c_void_p(array.ctypes.data) for array in arrays),
            c_int64(len(bounds) - 1),
            pointer(integers),
            pointer(self.wide.idf_character),
            pointer(scale),
            c_int64(stride),
            c_float(_LARGEST),
            c_void_p(sums.integers.data_ptr() + 2 * stride * sums.size),
            c_void_p(sums.scale.data_ptr() + 4 * sums.size),
            c_void_p(sums.square.data_ptr() + 4 * sums.size),
        )
        check_status(status)
        sums.size += len(bounds) - 1

    def logits(self, words: WideInput, sums: NgramSums | None = None) -> Tensor:
        """Return the logits (B,K) of all tasks; with the `sums` of the words, if there are any, in less time."""
        if words.characters is not None and self.wide.idf_character.numel() == self.wide.ngram_buckets:
            words = replace(words, characters=None, character_bounds=None)
        return _logits(self.wide, words, tables=self.tables, sums=sums)


def _quantize_rows(weight: Tensor, idf: Tensor) -> tuple[Tensor, Tensor]:
    """Return the integers (buckets, stride) of n-grams that training saw, and the scale (buckets,) of each."""
    kernels = load_kernels()
    assert kernels is not None
    rows, columns = weight.shape
    stride = -(-columns // _LANES) * _LANES
    integers = torch.from_numpy(zeros((rows, stride), np.int16))
    scale = torch.empty(rows)
    sizes = (c_int64(rows), c_int64(columns), c_float(_LARGEST))
    kernels.mgm_quantize_rows(
        pointer(weight), pointer(idf), *sizes, pointer(integers), c_int64(stride), pointer(scale)
    )
    return integers, scale


def _logits(
    wide: "Wide",
    words: WideInput,
    *,
    tables: list[tuple[Tensor, Tensor]] | None = None,
    sums: NgramSums | None = None,
) -> Tensor:
    """Return the logits (B,K) of all tasks; `tables`: the integers and scales of word and character n-grams."""
    kernels = load_kernels()
    assert kernels is not None
    arrays = (
        words.sentences,
        words.sentence_length,
        words.word,
        words.ids,
        words.ngrams,
        words.ngram_bounds,
        words.characters,
        words.character_bounds,
    )
    contiguous = [None if array is None else np.ascontiguousarray(array, np.int64) for array in arrays]
    weights = (wide.words.weight, wide.idf_word, wide.characters.weight, wide.idf_character)
    arguments = _Arguments(
        len(words.sentences),
        *(None if array is None else array.ctypes.data for array in contiguous),
        wide.bias.numel(),
        wide.idf_word.numel(),
        wide.ngram_buckets,
        wide.chinese.buckets,
        wide.chinese.ngram_min,
        wide.chinese.ngram_max,
        *(pointer(weight) for weight in weights),
    )
    if tables is not None:
        (arguments.word_row, arguments.word_scale), (arguments.character_row, arguments.character_scale) = (
            (pointer(integers), pointer(scale)) for integers, scale in tables
        )
        arguments.stride = tables[0][0].shape[1]
    if sums is not None:
        arguments.type_row, arguments.type_scale = pointer(sums.integers), pointer(sums.scale)
        arguments.type_square, arguments.summed_types = pointer(sums.square), sums.size
    kernels.mgm_wide_bound.restype = c_int64
    most = kernels.mgm_wide_bound(ctypes.byref(arguments))
    sublinear = _sublinear(most)
    arguments.sublinear = pointer(sublinear)
    logits = wide.bias.repeat(len(words.sentences), 1)
    check_status(kernels.mgm_wide_logits(ctypes.byref(arguments), c_int64(most), pointer(logits)))
    return logits


_lock = threading.Lock()
_values = torch.zeros(0)


def _sublinear(most: int) -> Tensor:
    """Return 1 + log(count) for counts up to `most`, and 0 for none."""
    global _values
    with _lock:
        if _values.numel() <= most:
            counts = np.arange(1, 2 * most + 1024, dtype=np.float64)
            _values = torch.from_numpy(np.concatenate([[0], 1 + np.log(counts)]).astype(np.float32))
        return _values
