"""Pooled and normalised vectors of the kernels for records and documents that are the same on every machine."""

import ctypes
import hashlib
from collections.abc import Sequence

import numpy as np
from torch import nn

from mgm.model.compiled.pooling import DocumentsOfKernel, LayerNormOfKernel
from mgm.native import check_status, load_kernels

SIZES, WIDTH, VECTORS = (1, 2, 5), 32, 24
COLUMNS = VECTORS + len(SIZES) * WIDTH
FROZEN = "6d1bb1e1525499db940f7e6e02c476876a027f826a142d5459b67bc5d9c544bb"
"""The hash of the pooled vectors, of every compiler."""
FROZEN_NORMALISED = "4557def8067edab9e1fa12c4fea94ec26ab395178981d8ad9b27ee62ca3345f2"
"""The hash of the normalised vectors, of every compiler."""


def numbered_records(words: int = 50) -> np.ndarray:
    """Records of words, without any random number; of a window of k words no number exceeds 32767 / k."""
    place = np.arange(words * (VECTORS + sum(SIZES) * WIDTH), dtype=np.int64).reshape(words, -1)
    records = place * 7919 % 65535 - 32767
    at = VECTORS
    for size in SIZES:
        records[:, at : at + size * WIDTH] //= size
        at += size * WIDTH
    return np.clip(records, -32767, 32767).astype(np.int16)


def pool(
    records: np.ndarray, documents: list[list[int]], leads: list[int], layers: Sequence[nn.LayerNorm] = ()
) -> np.ndarray:
    """The kernel's rows of documents with leads of so many words, or what layers make of the numbers at a row's begin.

    A row (COLUMNS + COLUMNS + VECTORS / 2) has what is pooled of the document, what is pooled of its lead, and the sum of the lead's
    two vectors.
    """
    words = np.array([len(document) for document in documents], np.int64)
    word = np.array([w for document in documents for w in document], np.int64)
    lead, size, units = np.array(leads, np.int64), np.array(SIZES, np.int64), np.ones(COLUMNS, np.float32)
    widths = [layer.normalized_shape[0] for layer in layers]
    begins = [sum(widths[:i]) for i in range(len(widths))]
    row = 2 * COLUMNS + VECTORS // 2
    listed = (LayerNormOfKernel * len(layers))(
        *(
            LayerNormOfKernel(begin, row + begin, width, *_weights(layer), layer.eps)
            for layer, width, begin in zip(layers, widths, begins, strict=True)
        )
    )
    pooled = np.zeros((len(documents), sum(widths) or row), np.float32)
    arguments = DocumentsOfKernel(
        len(documents),
        *(array.ctypes.data for array in (words, lead, word, records)),
        records.shape[1],
        VECTORS,
        len(SIZES),
        WIDTH,
        size.ctypes.data,
        2,
        units.ctypes.data,
        len(layers),
        ctypes.addressof(listed),
        row + sum(widths),
        pooled.shape[1],
    )
    kernels = load_kernels()
    assert kernels is not None
    check_status(kernels.mgm_pool_documents(ctypes.byref(arguments), ctypes.c_void_p(pooled.ctypes.data)))
    return pooled


def _weights(layer: nn.LayerNorm) -> list[int | None]:
    return [None if weight is None else weight.data_ptr() for weight in (layer.weight, layer.bias)]


def numbered_documents() -> tuple[list[list[int]], list[int]]:
    """Documents of 0 to 39 words with leads of 1 to 5 words."""
    documents = [[(i * i + 3 * number) % 50 for i in range(number)] for number in range(40)]
    return documents, [min(number, 1 + number % 5) for number in range(40)]


def frozen_pooled() -> str:
    """The hash of the kernel's pooled vectors."""
    pooled = pool(numbered_records(), *numbered_documents())[:, : 2 * COLUMNS]
    return hashlib.sha256(pooled.tobytes()).hexdigest()


def frozen_normalised() -> str:
    """The hash of the normalised vectors of these documents."""
    layers = [nn.LayerNorm(COLUMNS), nn.LayerNorm(COLUMNS)]
    normalised = pool(numbered_records(), *numbered_documents(), layers)
    return hashlib.sha256(normalised.tobytes()).hexdigest()
