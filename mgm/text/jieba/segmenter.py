"""jieba's dictionary and hidden Markov model for the kernel in jieba.c.

It knows the characters from `FIRST_CHARACTER` to `LAST_CHARACTER`. Other Han characters, which are rare, are left to rjieba.
"""

import ctypes
import math
from ctypes import c_double, c_int64, c_void_p
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.native import check_status, load_kernels
from mgm.text.list_columns import offsets, utf8_of

DICTIONARY = Path(__file__).with_name("dictionary.npz")
"""What `pack.py` makes of the files of jieba."""
FIRST_CHARACTER, LAST_CHARACTER = 0x3400, 0x9FFF
_IMPOSSIBLE = -3.14e100
"""The logarithm of jieba for what cannot be."""


class _Arguments(ctypes.Structure):
    """`Jieba` of jieba.h."""

    _fields_ = [
        *(
            (name, c_void_p)
            for name in ("node_of", "child", "character", "frequency", "tag", "log", "emission")
        ),
        *((name, c_double) for name in ("unknown", "begins", "is_single")),
        ("transition", c_double * 16),
    ]


class Jieba:
    """The words of jieba, for kernels.

    The dictionary is a trie whose nodes stand in the order of their depth, so that the children of a node follow one another.
    """

    def __init__(self, path: Path = DICTIONARY) -> None:
        """Read the dictionary and the model."""
        with np.load(path) as packed:
            character, frequency, tag = packed["character"], packed["frequency"], packed["tag"]
            num_children, frequencies = packed["num_children"], packed["frequencies"]
            emitted, emission = packed["emitted"], packed["emission"]
            start, transition, total = packed["start"], packed["transition"], int(packed["total"])
        num_first = len(character) - int(num_children.sum())  # the nodes that are no node's child
        node_of = np.zeros(LAST_CHARACTER + 1 - FIRST_CHARACTER, np.uint16)
        node_of[character[:num_first] - FIRST_CHARACTER] = np.arange(1, num_first + 1)
        emissions = np.full((len(node_of), 4), _IMPOSSIBLE)
        emissions[emitted - FIRST_CHARACTER] = emission
        # by the function of C, whose last bit decides between words that are as frequent
        logs = np.array([0.0, *(math.log(count) - math.log(total) for count in frequencies.tolist())])
        child = (num_first + offsets(num_children)).astype(np.uint32)
        self._arrays: list[npt.NDArray[np.generic]] = [
            node_of, child, character, frequency, tag, logs, emissions,
        ]  # fmt: skip
        self.arguments = _Arguments(
            *(array.ctypes.data for array in self._arrays),
            -math.log(total),
            *start.tolist(),
            (c_double * 16)(*transition.ravel().tolist()),
        )

    def tag(self, words: pl.Series) -> npt.NDArray[np.int8]:
        """Return the id of the part of speech of each word (`mgm.text.part_of_speech`); 0: the dictionary lacks the word."""
        kernels = load_kernels()
        assert kernels is not None
        data, bounds = utf8_of(words)
        tags = np.empty(len(words), np.int8)
        status = kernels.mgm_tag_words(
            ctypes.byref(self.arguments),
            c_void_p(None if data is None else data.address),
            c_void_p(np.ascontiguousarray(bounds, np.int64).ctypes.data),
            c_int64(len(words)),
            c_void_p(tags.ctypes.data),
        )
        check_status(status)
        return tags


def load_jieba() -> Jieba | None:
    """Return the words of jieba, loaded once a process; None: there are no kernels."""
    return None if load_kernels() is None else _load()


@cache
def _load() -> Jieba:
    return Jieba()
