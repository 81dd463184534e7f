"""jieba's dictionary and hidden Markov model for the kernel in jieba.c.

It knows the characters from `FIRST_CHARACTER` to `LAST_CHARACTER`. Other Han characters, which are rare, are left to rjieba.
"""

import ctypes
import math
from ctypes import c_double, c_int64, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.native import check_status, load_kernels
from mgm.text.list_columns import offsets, utf8_of

DICTIONARY = Path(__file__).with_name("dictionary.npz")
"""What `pack.py` makes of the files of jieba."""
FIRST_CHARACTER, LAST_CHARACTER = 0x3400, 0x9FFF
_NUM_CHARACTERS = LAST_CHARACTER + 1 - FIRST_CHARACTER
_IMPOSSIBLE = -3.14e100
"""The logarithm of jieba for what cannot be."""


_Arrays = dict[str, npt.NDArray[Any]]


class _Arguments(ctypes.Structure):
    """`Jieba` of jieba.h."""

    _fields_ = [
        *(
            (name, c_void_p)
            for name in ("node_of", "child", "character", "frequency", "tag", "log", "emission")
        ),
        *((name, c_void_p) for name in ("tagged", "tagged_state", "tagged_emission")),
        *((name, c_void_p) for name in ("tag_start", "tag_transition", "tag_of")),
        *((name, c_double) for name in ("unknown", "begins", "is_single")),
        ("transition", c_double * 16),
    ]


class Jieba:
    """The words of jieba, for kernels.

    The dictionary is a trie whose nodes stand in the order of their depth, so that the children of a node follow one another.
    """

    def __init__(self, path: Path = DICTIONARY) -> None:
        """Read the dictionary and the model."""
        with np.load(path) as archive:
            packed = dict(archive)
        total = int(packed["total"])
        self._arrays = [*_dictionary(packed, total), *_model_of_words(packed), *_model_of_tags(packed)]
        self.arguments = _Arguments(
            *(array.ctypes.data for array in self._arrays),
            -math.log(total),
            *packed["start"].tolist(),
            (c_double * 16)(*packed["transition"].ravel().tolist()),
        )

    def tag(self, words: pl.Series) -> npt.NDArray[np.int8]:
        """Return the id of the part of speech of each word (`mgm.text.part_of_speech`); 0: the word is unknown here."""
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


def _dictionary(packed: _Arrays, total: int) -> list[npt.NDArray[Any]]:
    character, num_children = packed["character"], packed["num_children"]
    num_first = len(character) - int(num_children.sum())  # the nodes that are no node's child
    node_of = np.zeros(_NUM_CHARACTERS, np.uint16)
    node_of[character[:num_first] - FIRST_CHARACTER] = np.arange(1, num_first + 1)
    # by the function of C, whose last bit decides between words that are as frequent
    log_total = math.log(total)
    logs = [math.log(count) - log_total for count in packed["frequencies"].tolist()]
    child = (num_first + offsets(num_children)).astype(np.uint32)
    return [node_of, child, character, packed["frequency"], packed["tag"], np.array([0.0, *logs])]


def _model_of_words(packed: _Arrays) -> list[npt.NDArray[Any]]:
    emission = np.full((_NUM_CHARACTERS, 4), _IMPOSSIBLE)
    emission[packed["emitted"] - FIRST_CHARACTER] = packed["emission"]
    return [emission]


def _model_of_tags(packed: _Arrays) -> list[npt.NDArray[Any]]:
    num_states = np.zeros(_NUM_CHARACTERS, np.int64)
    num_states[packed["tagged"] - FIRST_CHARACTER] = packed["num_states"]
    transition = np.full(len(packed["tag_start"]) ** 2, _IMPOSSIBLE)
    transition[packed["tag_transition_at"]] = packed["tag_transition"]
    return [
        offsets(num_states).astype(np.uint32),
        packed["tagged_state"],
        packed["tagged_emission"],
        packed["tag_start"],
        transition,
        packed["tag_of"],
    ]


def load_jieba() -> Jieba | None:
    """Return the words of jieba, loaded once a process; None: there are no kernels."""
    return None if load_kernels() is None else _load()


@cache
def _load() -> Jieba:
    return Jieba()
