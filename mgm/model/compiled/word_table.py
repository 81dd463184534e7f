"""The table of words that kernels read: of each word its vectors and its products with the windows, as 16-bit integers.

Axes: T distinct words, D width of a word, P products of a word with all places of all windows.
"""

from ctypes import c_float, c_int64, c_void_p
from functools import reduce
from operator import add

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor

from mgm.model.batch import Batch
from mgm.model.collate import collate_types
from mgm.model.encoder import Encoder
from mgm.model.granularity import ProjectingLevel, Window
from mgm.native import load_kernels
from mgm.native.memory import zeros

MAX_BYTES = 512 << 20
"""The memory that the records of words take at most, by default."""
LARGEST = 32767
"""The largest integer of a table."""
_BLOCK = 32
"""Numbers of a line of the processor's cache; a record, and a row of a window, is a multiple of it (documents.c)."""
_HEADROOM = 1.5
"""How many times as large as those of typical words a number may be before it saturates."""
_WORDS_AT_ONCE = 128
"""Words that are multiplied together, always as many, as the last bits of a product depend on the number of its rows."""


class WordTable:
    """Records of the words added so far, in the order in which they were added.

    A record holds the vectors of each granularity of words, then the word's products with the weights of each place of each window.
    A number is an integer times a unit that is the same for all words, so that sums over words are exact in any order. A window's
    products are so small that no sum overflows; larger numbers saturate.

    Attributes:
        windows: the windows, in the order of a pooled vector.
        window_width: the numbers of a window in a pooled vector, of which the first are the window's.
        levels: the vectors of a word, one for each granularity of words.
        vectors: the numbers of these vectors.
        units: (columns,) the unit of each number of a pooled vector: vectors, then windows.
        records: (capacity, record) int16.
        size: the number of words.
    """

    def __init__(self, encoder: Encoder, typical: pl.DataFrame, *, max_bytes: int = MAX_BYTES) -> None:
        """Make an empty table for the present weights of an encoder.

        Args:
            encoder: the encoder.
            typical: words (`FeaturePart.types`) that occur often; their numbers choose the units.
            max_bytes: the most memory of the records.
        """
        self.encoder = encoder
        self.windows = [_window(level) for level in encoder.projecting_levels]
        self.window_width = max((_padded(window.width) for window in self.windows), default=0)
        self.width = encoder.settings.width
        self.levels = len(encoder.type_levels)
        self.vectors = self.width * self.levels
        with torch.no_grad():
            self._weight, self._bias = self._places()
        self.record = _padded(self.vectors + self._bias.numel())
        self.capacity = max(max_bytes // (2 * self.record), 1)
        self.size = 0
        self.records = torch.from_numpy(zeros((self.capacity, self.record), np.int16))
        self.records_begin = self.records.data_ptr()
        self._choose_units(typical)

    def truncate(self, size: int) -> None:
        """Keep the first `size` words alone."""
        self.size = size

    @torch.no_grad()
    def add(self, batch: Batch) -> None:
        """Add the distinct words of a batch, for which there must be room."""
        count = batch.type_id.numel()
        first, last = self.size, self.size + count
        assert last <= self.capacity, "no room for these words"
        vectors = list(self.encoder.word_vectors(batch, 0.0).values())
        for begin in range(0, count, _WORDS_AT_ONCE):
            self._write(first + begin, [vector[begin : begin + _WORDS_AT_ONCE] for vector in vectors])
        self.size = last

    def _write(self, row: int, vectors: list[Tensor]) -> None:
        """Write the records of some words, of which each granularity has these vectors, from a row on."""
        count, column = vectors[0].shape[0], 0
        for vector_TD, unit in zip(vectors, self._vector_units, strict=True):
            self._quantize(vector_TD, row, column=column, unit=unit, limit=LARGEST)
            column += self.width
        products_TP = self._products(reduce(add, vectors))[:count]
        for window, unit in zip(self.windows, self._window_units, strict=True):
            width = window.size * self.window_width
            begin = column - self.vectors
            of_window = products_TP[:, begin : begin + width]
            self._quantize(of_window, row, column=column, unit=unit, limit=LARGEST // window.size)
            column += width

    def _products(self, whole_TD: Tensor) -> Tensor:
        missing = _WORDS_AT_ONCE - whole_TD.shape[0]
        return torch.addmm(self._bias, F.pad(whole_TD, (0, 0, 0, missing)), self._weight.T)

    def _places(self) -> tuple[Tensor, Tensor]:
        """Return the weights (P,D) of all places of all windows, and the bias (P,), which is that of the window's own word."""
        weights, biases = [torch.zeros(0, self.width)], [torch.zeros(0)]
        for window in self.windows:
            missing = self.window_width - window.width
            weight = window.places.weight.view(window.size, window.width, -1)
            bias = torch.zeros(window.size, self.window_width)
            bias[window.own_place, : window.width] = window.bias
            weights.append(F.pad(weight, (0, 0, 0, missing)).flatten(0, 1))
            biases.append(bias.flatten())
        return torch.cat(weights), torch.cat(biases)

    @torch.no_grad()
    def _choose_units(self, typical: pl.DataFrame) -> None:
        vectors = self.encoder.word_vectors(collate_types(typical), 0.0)
        whole_TD = reduce(add, vectors.values())
        chunks = whole_TD.split(_WORDS_AT_ONCE) if len(whole_TD) else []
        products = [self._bias[None], *(self._products(chunk) for chunk in chunks)]
        sizes = [window.size * self.window_width for window in self.windows]
        by_window = zip(*(product.split(sizes, dim=1) for product in products), strict=True)
        self._vector_units = [_unit(vector, LARGEST) for vector in vectors.values()]
        self._window_units = [
            _unit(torch.cat(of_window), LARGEST // window.size)
            for window, of_window in zip(self.windows, by_window, strict=True)
        ]
        of_vectors = torch.tensor(self._vector_units).repeat_interleave(self.width)
        of_windows = torch.tensor(self._window_units).repeat_interleave(self.window_width)
        self.units = torch.cat([of_vectors, of_windows])

    def _quantize(self, numbers: Tensor, row: int, *, column: int, unit: float, limit: int) -> None:
        kernels = load_kernels()
        assert kernels is not None
        kernels.mgm_quantize(
            c_void_p(numbers.data_ptr()),
            c_int64(numbers.shape[0]),
            c_int64(numbers.shape[1]),
            c_int64(numbers.stride(0)),
            c_float(unit),
            c_float(limit),
            c_void_p(self.records_begin + 2 * (row * self.record + column)),
            c_int64(self.record),
        )


def _window(level: ProjectingLevel) -> Window:
    assert isinstance(level, Window)
    return level


def _padded(count: int) -> int:
    return -(-count // _BLOCK) * _BLOCK


def _unit(numbers: Tensor, limit: int) -> float:
    """Return the unit in which these numbers are at most `limit` with some headroom."""
    least, most = numbers.aminmax() if numbers.numel() else (0.0, 0.0)
    largest = max(-float(least), float(most))
    return _HEADROOM * largest / limit or 1.0
