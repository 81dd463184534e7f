"""The table of words that kernels read: of each word its vectors and its products with the windows, as 16-bit integers.

Axes: T distinct words, D width of a word, P products of a word with all places of all windows.
"""

import ctypes
from ctypes import c_int64, c_void_p
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
from mgm.model.granularity import Character, ProjectingLevel, Window, Word
from mgm.model.kernels import pointer
from mgm.native import check_status, load_kernels
from mgm.native.memory import zeros

MAX_BYTES = 512 << 20
"""The memory that the records of words take at most, by default."""
LARGEST = 32767
"""The largest integer of a table."""
_BLOCK = 32
"""Numbers of a line of the processor's cache; a record, and a row of a window, is a multiple of it (documents.c)."""
_HEADROOM = 1.5
"""How many times as large as those of typical words a number may be before it saturates."""
_LARGEST_FACTOR = 8191
"""The largest integer of a word's vector when it is multiplied."""
_LARGEST_PRODUCT = (1 << 31) - 1


class NewWordsOfKernel(ctypes.Structure):
    """`NewWords` of records.c."""

    _fields_ = [
        ("words", c_int64),
        *((name, c_void_p) for name in ("ngram", "ngram_bound", "id", "property")),
        ("width", c_int64),
        *((name, c_void_p) for name in ("ngram_vectors", "id_vectors", "property_vectors")),
        ("properties", c_int64),
        ("unit", c_void_p),
        *((name, c_int64) for name in ("largest", "largest_factor", "windows", "window_width")),
        *((name, c_void_p) for name in ("size", "weight")),
        ("padded_width", c_int64),
        *((name, c_void_p) for name in ("scale", "bias", "records")),
        ("record", c_int64),
    ]


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
        weight_PD, bias_P = self._places()
        self.record = _padded(self.vectors + bias_P.numel())
        self.capacity = max(max_bytes // (2 * self.record), 1)
        self.size = 0
        self.records = torch.from_numpy(zeros((self.capacity, self.record), np.int16))
        self.records_begin = self.records.data_ptr()
        self._choose_units(typical, weight_PD, bias_P=bias_P)
        self._quantize_weights(weight_PD, bias_P)

    def truncate(self, size: int) -> None:
        """Keep the first `size` words alone."""
        self.size = size

    def add(self, batch: Batch) -> None:
        """Add the distinct words of a batch, for which there must be room."""
        count = batch.type_id.numel()
        assert self.size + count <= self.capacity, "no room for these words"
        character, word = self.encoder.level(Character), self.encoder.level(Word)
        properties = [] if word is None else [pointer(weight) for weight in word.properties.parameters()]
        arguments = NewWordsOfKernel(
            count,
            pointer(batch.type_ngram),
            pointer(batch.type_ngram_offset),
            pointer(batch.type_id),
            pointer(batch.type_property),
            self.width,
            None if character is None else pointer(character.ngrams.weight),
            None if word is None else pointer(word.words.weight),
            ctypes.cast((c_void_p * len(properties))(*properties), c_void_p),
            len(properties),
            self._vector_units.ctypes.data,
            LARGEST,
            _LARGEST_FACTOR,
            len(self.windows),
            self.window_width,
            self._sizes.ctypes.data,
            self._weight.ctypes.data,
            self._weight.shape[1],
            self._scale.ctypes.data,
            self._bias.ctypes.data,
            self.records_begin + 2 * self.size * self.record,
            self.record,
        )
        kernels = load_kernels()
        assert kernels is not None
        check_status(kernels.mgm_write_words(ctypes.byref(arguments)))
        self.size += count

    @torch.no_grad()
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
    def _choose_units(self, typical: pl.DataFrame, weight_PD: Tensor, *, bias_P: Tensor) -> None:
        vectors = self.encoder.word_vectors(collate_types(typical), 0.0)
        products = torch.addmm(bias_P, reduce(add, vectors.values()), weight_PD.T)
        products = torch.cat([bias_P[None], products])
        sizes = [window.size * self.window_width for window in self.windows]
        self._vector_units = np.array([_unit(vector, LARGEST) for vector in vectors.values()], np.float32)
        self._window_units = [
            _unit(of_window, LARGEST // window.size)
            for window, of_window in zip(self.windows, products.split(sizes, dim=1), strict=True)
        ]
        of_vectors = torch.from_numpy(self._vector_units).repeat_interleave(self.width)
        of_windows = torch.tensor(self._window_units).repeat_interleave(self.window_width)
        self.units = torch.cat([of_vectors, of_windows])

    def _quantize_weights(self, weight_PD: Tensor, bias_P: Tensor) -> None:
        """Set the weights as integers with a scale each, so small that no product with a vector overflows."""
        weight = weight_PD.numpy().astype(np.float64)
        largest_sum = _LARGEST_PRODUCT // _LARGEST_FACTOR - self.width  # rounding adds at most half to each
        size = np.abs(weight)
        unit = np.maximum(size.max(1, initial=0) / LARGEST, size.sum(1) / largest_sum)
        unit[unit == 0] = 1
        self._sizes = np.array([window.size for window in self.windows], np.int64)
        of_window = np.repeat(np.array(self._window_units, np.float64), self._sizes * self.window_width)
        missing = _padded(self.width) - self.width
        self._weight = np.pad(np.rint(weight / unit[:, None]).astype(np.int16), ((0, 0), (0, missing)))
        self._scale = (unit / of_window).astype(np.float32)
        self._bias = (bias_P.numpy() / of_window).astype(np.float32)


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
