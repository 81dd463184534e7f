"""Pooled and normalised vectors of the kernels for records and documents that are the same on every machine."""

import ctypes
import hashlib

import numpy as np
import torch
from torch import nn

from mgm.model.compiled.layer_norm import normalise_side_by_side
from mgm.model.compiled.network import DocumentsOfKernel
from mgm.native import check_status, load_kernels

SIZES, WIDTH, VECTORS = (1, 2, 5), 32, 24
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


def pool(records: np.ndarray, documents: list[list[int]], leads: list[int]) -> np.ndarray:
    """The kernel's pooled vectors (documents, 2, columns): of each document, and of its lead of so many words."""
    words = np.array([len(document) for document in documents], np.int64)
    word = np.array([w for document in documents for w in document], np.int64)
    lead, size = np.array(leads, np.int64), np.array(SIZES, np.int64)
    pooled = np.zeros((len(documents), 2, VECTORS + len(SIZES) * WIDTH), np.float32)
    arguments = DocumentsOfKernel(
        len(documents),
        *(array.ctypes.data for array in (words, lead, word, records)),
        records.shape[1],
        VECTORS,
        len(SIZES),
        WIDTH,
        size.ctypes.data,
    )
    kernels = load_kernels()
    assert kernels is not None
    check_status(kernels.mgm_pool_documents(ctypes.byref(arguments), ctypes.c_void_p(pooled.ctypes.data)))
    return pooled


def numbered_documents() -> tuple[list[list[int]], list[int]]:
    """Documents of 0 to 39 words with leads of 1 to 5 words."""
    documents = [[(i * i + 3 * number) % 50 for i in range(number)] for number in range(40)]
    return documents, [min(number, 1 + number % 5) for number in range(40)]


def frozen_pooled() -> str:
    """The hash of the kernel's pooled vectors."""
    return hashlib.sha256(pool(numbered_records(), *numbered_documents()).tobytes()).hexdigest()


def frozen_normalised() -> str:
    """The hash of the normalised vectors of these documents."""
    pooled = torch.from_numpy(pool(numbered_records(), *numbered_documents()).reshape(80, -1))
    with torch.no_grad():
        normalised = normalise_side_by_side(nn.ModuleList([nn.LayerNorm(pooled.shape[1])]), [pooled])
    return hashlib.sha256(normalised.numpy().tobytes()).hexdigest()
