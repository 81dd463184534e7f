"""The wide part of documents by a compiled kernel: it counts, weighs and sums each document's n-grams in the processor's cache.

Axes: B documents, K logits of all tasks.
"""

import ctypes
import threading
from ctypes import c_float, c_int64, c_void_p
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mgm.model.batch import Batch
from mgm.model.hashing import FIRST, THIRD, mix
from mgm.model.kernels import kernels_for, pointer
from mgm.model.wide.ngram_table import NgramTable
from mgm.native import check_status, load_kernels
from mgm.native.memory import zeros
from mgm.text.list_columns import Array

if TYPE_CHECKING:
    from mgm.model.wide.documents import Wide

_LONGEST_CHINESE_NGRAM = 16  # of wide.c
_MOST_BUCKETS = 1 << 31
_LARGEST = 32767
_LANES = 16
_STEPS_OF_IDF = 2048  # of 1: a frequency is below 32, that of 2**45 documents


Records = npt.NDArray[np.void]
"""Distinct words, as the kernel reads them."""
Numbers = npt.NDArray[np.generic]
_TYPE = np.dtype(
    [
        ("id", np.uint32),
        ("row", np.int32),
        ("lead_row", np.int32),
        ("characters", np.uint32),
        ("ngram", np.uint32),
        ("ngram_count", np.uint32),
        ("scale", np.float32),
        ("square", np.float32),
    ]
)
"""`Type` of wide.c."""


class _Table(ctypes.Structure):
    """`NgramTable` of wide.c."""

    _fields_ = [(name, c_void_p) for name in ("rows", "idf", "factor")]


class _Arguments(ctypes.Structure):
    """`Wide` of wide.c."""

    _fields_ = [
        ("documents", c_int64),
        *((name, c_void_p) for name in ("sentences", "sentence_length", "word")),
        *((name, c_void_p) for name in ("types", "ngram", "character", "character_offset")),
        *((name, _Table) for name in ("words", "characters")),
        *((name, c_int64) for name in ("has_integers", "row_bytes", "outputs", "stride")),
        *((name, c_void_p) for name in ("word_row_of", "chinese_row_of")),
        *((name, c_int64) for name in ("word_buckets", "chinese_buckets", "chinese_min", "chinese_max")),
        ("character_rows", c_int64),
        *((name, c_void_p) for name in ("sublinear", "sums")),
        ("summed_types", c_int64),
    ]


@dataclass(frozen=True, kw_only=True)
class NgramRows:
    """The rows of a table of n-grams, as the kernel reads them.

    Attributes:
        rows: (R, stride) the weights of each n-gram that has any: float32, or int16, which are multiplied by a scale.
        idf: (R,) the inverse document frequency of each.
        factor: (R,) the frequency times the scale.
        row_of: int32, the row of each n-gram; -1: none.
    """

    rows: Numbers
    idf: npt.NDArray[np.float32]
    factor: npt.NDArray[np.float32]
    row_of: Array

    @classmethod
    def of_floats(cls, table: NgramTable) -> Self:
        """Return the table's own rows."""
        idf = table.idf.numpy()
        return cls(rows=table.weight.detach().numpy(), idf=idf, factor=idf, row_of=table.row.numpy())

    @classmethod
    def of_integers(cls, table: NgramTable) -> Self:
        """Return rows of integers, the most frequent n-grams first: what is often read then lies close together."""
        kernels = load_kernels()
        assert kernels is not None
        idf = table.idf.numpy()
        order = np.argsort((idf * _STEPS_OF_IDF).astype(np.uint16), kind="stable")  # fast for 16 bits
        count, columns = table.weight.shape
        stride = -(-columns // _LANES) * _LANES
        rows, scale = zeros((count, stride), np.int16), np.empty(count, np.float32)
        kernels.mgm_quantize_rows(
            pointer(table.weight),
            _address(order),
            *(c_int64(count), c_int64(columns), c_float(_LARGEST)),
            *(_address(rows), c_int64(stride), _address(scale)),
        )
        rank = np.full(count + 1, -1, np.int32)  # the last one is that of n-grams without a row
        rank[order] = np.arange(count, dtype=np.int32)
        return cls(rows=rows, idf=idf[order], factor=idf[order] * scale, row_of=rank[table.row.numpy()])

    @property
    def for_kernel(self) -> _Table:
        """The addresses of the arrays."""
        return _Table(*(_address(array) for array in (self.rows, self.idf, self.factor)))


class WideRows:
    """The rows of a wide part's n-grams of words and of characters."""

    def __init__(self, wide: "Wide", *, in_integers: bool) -> None:
        """Take the present weights; `in_integers`: as 16-bit integers with a scale for each n-gram, half the memory to read."""
        self.wide = wide
        make = NgramRows.of_integers if in_integers else NgramRows.of_floats
        self.words, self.characters = make(wide.words), make(wide.characters)

    @property
    def has_integers(self) -> bool:
        """Whether the weights are integers."""
        return self.words.rows.dtype == np.int16

    def describe_types(self, batch: Batch) -> tuple[Records, Array]:
        """Return what the kernel reads of a batch's distinct words (T,), and the rows (int32) of their n-grams that have one."""
        types = empty_types(batch.type_id.numel())
        types["id"] = batch.type_id.numpy()
        singles = batch.type_id * FIRST
        is_known = types["id"] > 0
        for name, hashes in (("row", singles), ("lead_row", singles ^ THIRD)):
            types[name] = np.where(
                is_known, self.words.row_of[(mix(hashes) % self.wide.words.size).numpy()], -1
            )
        if self.wide.knows_chinese:
            types["characters"] = batch.type_character_offset.diff().numpy()
        row = self.characters.row_of[batch.type_ngram.numpy()]
        is_there = row >= 0
        bounds = np.append(0, np.cumsum(is_there))[batch.type_ngram_offset.numpy()]
        types["ngram"], types["ngram_count"] = bounds[:-1], np.diff(bounds)
        return types, row[is_there]

    def logits(self, words: "WideInput", sums: "NgramSums | None" = None) -> Tensor:
        """Return the logits (B,K) of all tasks; with the `sums` of the words, if there are any, in less time."""
        kernels = load_kernels()
        assert kernels is not None
        wide, stride = self.wide, self.words.rows.shape[1]
        arrays = [
            *(
                np.ascontiguousarray(a, np.int64)
                for a in (words.sentences, words.sentence_length, words.word)
            ),
            np.ascontiguousarray(words.types),
            np.ascontiguousarray(words.ngrams, np.int32),
            *(
                None if array is None else np.ascontiguousarray(array, np.int64)
                for array in (words.characters, words.character_bounds)
            ),
        ]
        chinese_row_of = self.characters.row_of[wide.ngram_buckets :]
        arguments = _Arguments(
            len(words.sentences),
            *(None if array is None else _address(array) for array in arrays),
            self.words.for_kernel,
            self.characters.for_kernel,
            self.has_integers,
            self.words.rows.itemsize * stride,
            wide.bias.numel(),
            stride,
            _address(self.words.row_of),
            _address(chinese_row_of),
            wide.words.size,
            wide.chinese.buckets,
            wide.chinese.ngram_min,
            wide.chinese.ngram_max,
            len(self.characters.idf),
        )
        if sums is not None:
            arguments.sums, arguments.summed_types = _address(sums.integers), sums.size
        kernels.mgm_wide_bound.restype = c_int64
        most = kernels.mgm_wide_bound(ctypes.byref(arguments))
        sublinear = _sublinear(most)
        arguments.sublinear = pointer(sublinear)
        logits = wide.bias.repeat(len(words.sentences), 1)
        check_status(kernels.mgm_wide_logits(ctypes.byref(arguments), c_int64(most), pointer(logits)))
        return logits


@dataclass(frozen=True, kw_only=True)
class WideInput:
    """The words of documents and what is read of distinct words T.

    Attributes:
        sentences: (B,) int64, the sentences of each document.
        sentence_length: (S,) int64, the words of each sentence.
        word: (N,) int64, the distinct word of each.
        types: (T,) the distinct words, `WideRows.describe_types`.
        ngrams: int32, the rows of the n-grams within each distinct word, those without a row left out.
        characters: int64, the characters of each Chinese word; None: all words have the n-grams within them.
        character_bounds: (T + 1,) int64, where those of each begin.
    """

    sentences: Array
    sentence_length: Array
    word: Array
    types: Records
    ngrams: Array
    characters: Array | None
    character_bounds: Array | None

    @classmethod
    def of(cls, rows: WideRows, batch: Batch) -> Self:
        """Return the words of a batch."""
        types, ngrams = rows.describe_types(batch)
        reads_chinese = bool(types["characters"].any())
        return cls(
            sentences=batch.sentences_per_document.numpy(),
            sentence_length=batch.sentence_length.numpy(),
            word=batch.word.numpy(),
            types=types,
            ngrams=ngrams,
            characters=batch.type_character.numpy() if reads_chinese else None,
            character_bounds=batch.type_character_offset.numpy() if reads_chinese else None,
        )


def empty_types(count: int) -> Records:
    """Return room for so many words, as `WideRows.describe_types` describes them."""
    return np.zeros(count, _TYPE)


def can_read(wide: "Wide") -> bool:
    """Return whether the kernel knows buckets and n-grams like these."""
    buckets = max(wide.words.size, wide.characters.size)
    return buckets < _MOST_BUCKETS and wide.chinese.ngram_max <= _LONGEST_CHINESE_NGRAM


def wide_logits(wide: "Wide", batch: Batch) -> Tensor | None:
    """Return the logits (B,K) of all tasks, equal to those of torch but for rounding; None where the kernel cannot compute them."""
    weights = (wide.words.weight, wide.words.idf, wide.characters.weight, wide.characters.idf, wide.bias)
    if kernels_for(*weights) is None or not can_read(wide):
        return None
    rows = WideRows(wide, in_integers=False)
    return rows.logits(WideInput.of(rows, batch))


class NgramSums:
    """The sums of the rows of the n-grams of some words, of which a document's logits need fewer than there are n-grams.

    The words without a sum are those from row `size` on.
    """

    def __init__(self, rows: WideRows, capacity: int) -> None:
        """Begin without words; there is room for `capacity`. The rows are integers."""
        assert rows.has_integers
        self.table, self.size = rows.characters, 0
        self.integers = zeros((capacity, self.table.rows.shape[1]), np.int16)

    def append(self, types: Records, ngrams: Array) -> None:
        """Write the sums of the next words `types`, of whose n-grams `ngrams` are the rows, and their scales into `types`."""
        kernels = load_kernels()
        assert kernels is not None
        assert types.flags.c_contiguous
        assert ngrams.dtype == np.int32
        last = self.size + len(types)
        status = kernels.mgm_sum_ngrams(
            *(_address(types), c_int64(len(types)), _address(ngrams)),
            ctypes.byref(self.table.for_kernel),
            *(c_int64(self.integers.shape[1]), c_float(_LARGEST)),
            _address(self.integers[self.size : last]),
        )
        check_status(status)
        self.size = last


def _address(array: Numbers) -> c_void_p:
    """Return the address of a contiguous array, which must live as long as it is used."""
    assert array.flags.c_contiguous
    return c_void_p(array.ctypes.data)


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
