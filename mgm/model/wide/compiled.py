"""The wide part of documents by a compiled kernel: it counts, weighs and sums each document's n-grams in the processor's cache.

Axes: B documents, K logits of all tasks.
"""

import ctypes
import threading
from ctypes import c_float, c_int64, c_void_p
from dataclasses import dataclass
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

_LONGEST_CHINESE_NGRAM = 16  # of wide.c
_MOST_BUCKETS = 1 << 31
_LARGEST = 32767
_LANES = 8


class _Arguments(ctypes.Structure):
    """`Wide` of wide.c."""

    _fields_ = [
        ("documents", c_int64),
        *((name, c_void_p) for name in ("sentences", "sentence_length", "word", "id")),
        *((name, c_void_p) for name in ("ngram", "ngram_offset", "character", "character_offset")),
        *((name, c_int64) for name in ("outputs", "word_buckets", "ngram_buckets", "chinese_buckets")),
        *((name, c_int64) for name in ("chinese_min", "chinese_max", "character_rows")),
        *((name, c_void_p) for name in ("word_row_of", "character_row_of")),
        *((name, c_void_p) for name in ("word_weight", "word_idf", "character_weight", "character_idf")),
        ("sublinear", c_void_p),
        *((name, c_void_p) for name in ("word_row", "character_row", "word_scale", "character_scale")),
        ("stride", c_int64),
        *((name, c_void_p) for name in ("type_row", "type_scale", "type_square")),
        ("summed_types", c_int64),
    ]


@dataclass(frozen=True, kw_only=True)
class WideInput:
    """The words of documents and the n-grams of distinct words T, as a batch has them.

    Attributes:
        sentences: (B,) int64, the sentences of each document.
        sentence_length: (S,) int64, the words of each sentence.
        word: (N,) int64, the distinct word of each.
        ids: (T,) int64, the ids of distinct words.
        ngrams: int32, the rows of the n-grams within each distinct word, those without a row left out.
        ngram_bounds: (T + 1,) int64, where those of each begin.
        characters: int64, the characters of each Chinese word; None: all words have the n-grams within them.
        character_bounds: (T + 1,) int64, where those of each begin.
    """

    sentences: Array
    sentence_length: Array
    word: Array
    ids: Array
    ngrams: Array
    ngram_bounds: Array
    characters: Array | None
    character_bounds: Array | None

    @classmethod
    def of(cls, wide: "Wide", batch: Batch) -> Self:
        """Return the words of a batch."""
        ngrams, bounds = rows_of_ngrams(wide, batch)
        reads_chinese = wide.knows_chinese and batch.type_character.numel() > 0
        return cls(
            sentences=batch.sentences_per_document.numpy(),
            sentence_length=batch.sentence_length.numpy(),
            word=batch.word.numpy(),
            ids=batch.type_id.numpy(),
            ngrams=ngrams,
            ngram_bounds=bounds,
            characters=batch.type_character.numpy() if reads_chinese else None,
            character_bounds=batch.type_character_offset.numpy() if reads_chinese else None,
        )


def rows_of_ngrams(wide: "Wide", batch: Batch) -> tuple[Array, Array]:
    """Return the rows (int32) of the n-grams of the batch's distinct words T, without those that have none, and bounds (T + 1,)."""
    row = wide.characters.row.numpy()[batch.type_ngram.numpy()]
    is_there = row >= 0
    before = np.append(0, np.cumsum(is_there))
    return row[is_there], before[batch.type_ngram_offset.numpy()]


def can_read(wide: "Wide") -> bool:
    """Return whether the kernel knows buckets and n-grams like these."""
    buckets = max(wide.words.size, wide.characters.size)
    return buckets < _MOST_BUCKETS and wide.chinese.ngram_max <= _LONGEST_CHINESE_NGRAM


def wide_logits(wide: "Wide", batch: Batch) -> Tensor | None:
    """Return the logits (B,K) of all tasks, equal to those of torch but for rounding; None where the kernel cannot compute them."""
    if kernels_for(*_weights(wide), wide.bias) is None or not can_read(wide):
        return None
    return _logits(wide, WideInput.of(wide, batch))


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
        self.tables = [_quantize_rows(table.weight) for table in (wide.words, wide.characters)]

    def empty_sums(self, capacity: int) -> NgramSums:
        """Return room for the sums of so many words."""
        return NgramSums(capacity, self.tables[1][0].shape[1])

    def append(self, sums: NgramSums, ngrams: Array, *, bounds: Array) -> None:
        """Write the sums of the next words, the rows of whose n-grams are ngrams[bounds[i] : bounds[i + 1]]."""
        kernels = load_kernels()
        assert kernels is not None
        integers, scale = self.tables[1]
        stride = integers.shape[1]
        arrays: list[Array] = [np.ascontiguousarray(ngrams, np.int32), np.ascontiguousarray(bounds, np.int64)]
        status = kernels.mgm_sum_ngrams(
            *(c_void_p(array.ctypes.data) for array in arrays),
            c_int64(len(bounds) - 1),
            pointer(integers),
            pointer(self.wide.characters.idf),
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
        return _logits(self.wide, words, tables=self.tables, sums=sums)


def _quantize_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return the integers (R, stride) of the rows, and the scale (R,) of each."""
    kernels = load_kernels()
    assert kernels is not None
    rows, columns = weight.shape
    stride = -(-columns // _LANES) * _LANES
    integers = torch.from_numpy(zeros((rows, stride), np.int16))
    scale = torch.empty(rows)
    sizes = (c_int64(rows), c_int64(columns), c_float(_LARGEST))
    kernels.mgm_quantize_rows(pointer(weight), *sizes, pointer(integers), c_int64(stride), pointer(scale))
    return integers, scale


def _weights(wide: "Wide") -> tuple[Tensor, ...]:
    return wide.words.weight, wide.words.idf, wide.characters.weight, wide.characters.idf


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
    contiguous = [
        None
        if array is None
        else np.ascontiguousarray(array, np.int32 if array is words.ngrams else np.int64)
        for array in arrays
    ]
    arguments = _Arguments(
        len(words.sentences),
        *(None if array is None else array.ctypes.data for array in contiguous),
        wide.bias.numel(),
        wide.words.size,
        wide.ngram_buckets,
        wide.chinese.buckets,
        wide.chinese.ngram_min,
        wide.chinese.ngram_max,
        wide.characters.idf.numel(),
        *(pointer(tensor) for tensor in (wide.words.row, wide.characters.row, *_weights(wide))),
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
