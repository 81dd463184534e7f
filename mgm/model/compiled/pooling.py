"""The words of documents pooled and normalised by a kernel: the vectors that a fusion reads, side by side.

Axes: B documents, X numbers of all granularities of a document.
"""

import ctypes
from ctypes import c_float, c_int64, c_void_p

import numpy as np
import torch
from torch import Tensor, nn

from mgm.model.compiled.documents import DocumentWords
from mgm.model.compiled.word_table import WordTable
from mgm.model.fusion import Fusion
from mgm.model.granularity import Lead
from mgm.model.kernels import pointer
from mgm.native import check_status, load_kernels


class LayerNormOfKernel(ctypes.Structure):
    """`LayerNorm` of documents.c."""

    _fields_ = [
        *((name, c_int64) for name in ("from", "to", "columns")),
        *((name, c_void_p) for name in ("gain", "bias")),
        ("epsilon", c_float),
    ]


class DocumentsOfKernel(ctypes.Structure):
    """`Documents` of documents.c."""

    _fields_ = [
        ("documents", c_int64),
        *((name, c_void_p) for name in ("words", "lead", "word", "records")),
        *((name, c_int64) for name in ("record", "vectors", "windows", "width")),
        ("size", c_void_p),
        ("levels", c_int64),
        ("units", c_void_p),
        ("layers", c_int64),
        ("layer", c_void_p),
        *((name, c_int64) for name in ("row", "output")),
    ]


class Pooling:
    """The pooled vectors of documents that are made of the words of a table, each normalised as a fusion does.

    Attributes:
        outputs: the numbers of a document.
    """

    def __init__(self, words: WordTable, fusion: Fusion, *, scaled: bool) -> None:
        """List the normalisations, with the present weights of the encoder and the fusion.

        Args:
            words: the words of documents.
            fusion: what reads the vectors.
            scaled: whether the fusion's gains and biases are applied.
        """
        self._words = words
        self._sizes = np.array([window.size for window in words.windows], np.int64)
        self._weights: list[Tensor] = []
        layers = self._list_layers(fusion, scaled=scaled)
        self._layers = (LayerNormOfKernel * len(layers))(*layers)

    def __call__(self, documents: DocumentWords, rows: int) -> Tensor:
        """Return the normalised vectors (B,X) of documents, in the first of `rows` rows; the others are zeros."""
        table = self._words
        first = np.cumsum(documents.sentences) - documents.sentences
        lead = np.append(documents.sentence_length, 0)[first]
        lead[documents.sentences == 0] = 0
        length = np.append(0, np.cumsum(documents.sentence_length))
        words = length[first + documents.sentences] - length[first]
        word = np.ascontiguousarray(documents.word)
        normalised = torch.empty(rows, self.outputs)
        normalised[len(words) :] = 0
        arguments = DocumentsOfKernel(
            documents=len(words),
            words=words.ctypes.data,
            lead=lead.ctypes.data,
            word=word.ctypes.data,
            records=table.records_begin,
            record=table.record,
            vectors=table.vectors,
            windows=len(table.windows),
            width=table.window_width,
            size=self._sizes.ctypes.data,
            levels=table.levels,
            units=table.units.data_ptr(),
            layers=len(self._layers),
            layer=ctypes.addressof(self._layers),
            row=self._row,
            output=self.outputs,
        )
        kernels = load_kernels()
        assert kernels is not None
        check_status(kernels.mgm_pool_documents(ctypes.byref(arguments), pointer(normalised)))
        return normalised

    def _list_layers(self, fusion: Fusion, *, scaled: bool) -> list[LayerNormOfKernel]:
        """Return the normalisations of the lead's parts, then those of all granularities.

        A row holds the pooled vectors of the document, those of its lead, the sum of the lead's means, the lead's vector, and
        what the fusion reads.
        """
        table, encoder, layers = self._words, self._words.encoder, []
        columns = table.units.numel()
        levels = [level.name for level in encoder.type_levels]
        place = {name: number * table.width for number, name in enumerate(levels)}
        of_windows = [table.vectors + number * table.window_width for number in range(len(table.windows))]
        place |= {f"window_{window.size}": at for window, at in zip(table.windows, of_windows, strict=True)}
        place["lead"] = to = 2 * columns + table.width
        if (lead := encoder.level(Lead)) is not None:
            parts = [2 * columns, *(columns + at for at in of_windows)]
            for part, layer in zip(parts, lead.normalise, strict=True):
                layers.append(self._layer(layer, part, to=to))
                to += layers[-1].columns
        begin = to
        for name, layer in zip(fusion.granularities, fusion.normalise, strict=True):
            layers.append(self._layer(layer, place[name], to=to, scaled=scaled))
            to += layers[-1].columns
        self._row, self.outputs = to, to - begin
        return layers

    def _layer(self, layer: nn.Module, begin: int, *, to: int, scaled: bool = True) -> LayerNormOfKernel:
        """Return the layer, of which the kernel knows the addresses of weights alone."""
        assert isinstance(layer, nn.LayerNorm)
        addresses = []
        for weight in (layer.weight, layer.bias) if scaled else (None, None):
            if weight is not None:
                self._weights.append(weight.detach())
            addresses.append(None if weight is None else weight.data_ptr())
        return LayerNormOfKernel(begin, to, layer.normalized_shape[0], *addresses, layer.eps)
