"""The wide part of documents by a compiled kernel: it counts, weighs and sums each document's n-grams in the processor's cache.

Axes: B documents, K logits of all tasks.
"""

import ctypes
import threading
from ctypes import c_int64, c_void_p
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mgm.model.batch import Batch
from mgm.model.kernels import kernels_for, pointer
from mgm.native import check_status

if TYPE_CHECKING:
    from mgm.model.wide.documents import Wide

_LONGEST_CHINESE_NGRAM = 16  # of kernels.c
_MOST_BUCKETS = 1 << 31


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
    ]


def wide_logits(wide: "Wide", batch: Batch, *, reads_chinese: bool) -> Tensor | None:
    """Return the logits (B,K) of all tasks, equal to those of torch but for rounding; None where the kernel cannot compute them."""
    weights = (wide.words.weight, wide.idf_word, wide.characters.weight, wide.idf_character)
    kernels = kernels_for(*weights, wide.bias)
    buckets = max(wide.idf_word.numel(), wide.idf_character.numel())
    if kernels is None or buckets >= _MOST_BUCKETS or wide.chinese.ngram_max > _LONGEST_CHINESE_NGRAM:
        return None
    integers = [
        tensor.contiguous()
        for tensor in (
            batch.sentences_per_document,
            batch.sentence_length,
            batch.word,
            batch.type_id,
            batch.type_ngram,
            batch.type_ngram_offset,
            batch.type_character,
            batch.type_character_offset,
        )
    ]
    places: list[c_void_p | None] = [pointer(tensor) for tensor in integers]
    if not reads_chinese:
        places[-2:] = [None, None]
    arguments = _Arguments(
        batch.size,
        *places,
        wide.bias.numel(),
        wide.idf_word.numel(),
        wide.ngram_buckets,
        wide.chinese.buckets,
        wide.chinese.ngram_min,
        wide.chinese.ngram_max,
        *(pointer(weight) for weight in weights),
    )
    kernels.mgm_wide_bound.restype = c_int64
    sublinear = _sublinear(kernels.mgm_wide_bound(ctypes.byref(arguments)))
    arguments.sublinear = pointer(sublinear)
    logits = wide.bias.repeat(batch.size, 1)
    check_status(kernels.mgm_wide_logits(ctypes.byref(arguments), pointer(logits)))
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
