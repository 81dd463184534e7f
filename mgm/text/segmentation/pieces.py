"""Texts to pieces, the words of most scripts and whole runs of those that are cut once more, by the kernel in C.

It knows the characters of most texts. A text with another one, such as a combining mark, a joiner or a modifier of emoji, is left to the
expression in `words`, which decides what a piece is: the kernel is a faster way to the same pieces.
"""

from ctypes import c_int64, c_void_p
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from mgm.native import check_status, load_kernels
from mgm.text.characters import INVISIBLE, SOUTHEAST_ASIAN, SURROGATES
from mgm.text.jieba import FIRST_CHARACTER, LAST_CHARACTER
from mgm.text.list_columns import Array, Flags, decode_code_points, offsets, utf8_of

_POINTS = 0x20000  # those of two planes: most emoji are in the second
_INFORMATION_SOURCE = r"\x{2139}"  # a letter, and an emoji
# The bits of characters.h, by the characters that have them.
_HAN = 4
_CLASSES = {
    1: r"\s--\n",
    2: r"\n",
    _HAN: r"\p{Han}",
    8: r"\p{L}--\p{Han}",
    16: r"[\p{L}\p{N}_]--\p{Han}",
    32: r"\p{Nd}",
    64: r"\p{P}\p{S}\p{Co}",
}
_UNKNOWN = rf"\p{{M}}\p{{RI}}\p{{EMod}}{INVISIBLE}{_INFORMATION_SOURCE}[{SOUTHEAST_ASIAN}]"


class Pieces(NamedTuple):
    """The P pieces of texts, one after another: piece i is distinct[code[i]]."""

    row: Array
    """(P,) the row of the piece's text."""
    code: Array
    distinct: pl.Series
    """The pieces without what separates them; one may be there several times."""
    start: Array
    gap: Array
    """(P,) the gap before it (`words.Gap`)."""


def find_pieces(texts: pl.Series) -> tuple[Pieces, Flags] | None:
    """Return the pieces of the texts that the kernel knows, and which texts these are; None: there is no kernel."""
    kernels = load_kernels()
    if kernels is None:
        return None
    data, bound = utf8_of(texts)
    size = int(bound[-1] - bound[0]) if len(bound) else 0
    count, number, start = (np.empty(n, dtype=np.int32) for n in (len(texts), size, size))
    gap, first, width = np.empty(size, np.uint8), np.empty(size, np.int64), np.empty(size, np.int32)
    sizes = np.zeros(2, dtype=np.int64)
    results = (_pointer(result) for result in (count, number, start, gap, first, width, sizes))
    text = c_void_p(data.address if data is not None else None)
    status = kernels.mgm_find_pieces(
        text, _pointer(bound), c_int64(len(texts)), _pointer(character_classes()), *results
    )
    check_status(status)
    pieces, distinct = sizes.tolist()
    known = count >= 0
    row = np.repeat(np.arange(len(texts)), np.maximum(count, 0))
    spelt = slices(data, first[:distinct], width=width[:distinct])
    found = Pieces(
        row,
        number[:pieces].astype(np.int64),
        spelt,
        start[:pieces].astype(np.int64),
        gap[:pieces].astype(np.int64),
    )
    return found, known


@cache
def character_classes() -> npt.NDArray[np.uint8]:
    """Return the classes of each code point of the first two planes, as bits; 0: the kernel does not know the character."""
    points = np.arange(_POINTS, dtype=np.uint32)
    points[SURROGATES] = 0
    characters = decode_code_points(points, np.ones(_POINTS, dtype=np.int64))
    table = np.zeros(_POINTS, dtype=np.uint8)
    for bit, inside in _CLASSES.items():
        table[characters.str.contains(f"[{inside}]").to_numpy()] |= bit
    table[characters.str.contains(f"[{_UNKNOWN}]").to_numpy()] = 0
    return table


@cache
def classes_with_jieba() -> npt.NDArray[np.uint8]:
    """Return `character_classes`, where the Han characters that `mgm.text.jieba` does not know are unknown."""
    table = character_classes().copy()
    han = np.flatnonzero(table & _HAN)
    table[han[(han < FIRST_CHARACTER) | (han > LAST_CHARACTER)]] = 0
    return table


def slices(data: pa.Buffer | None, first: Array, *, width: npt.NDArray[np.int32]) -> pl.Series:
    """Return the strings that stand in UTF-8 at these places."""
    if data is None or len(first) == 0:
        return pl.Series([], dtype=pl.String)
    bounds = offsets(width)
    place = np.repeat(first - bounds[:-1], width) + np.arange(bounds[-1])
    text = np.frombuffer(data, dtype=np.uint8)[place]
    array = pa.LargeStringArray.from_buffers(len(first), pa.py_buffer(bounds), pa.py_buffer(text))
    result = pl.from_arrow(array)
    assert isinstance(result, pl.Series)
    return result


def _pointer(array: npt.NDArray[np.generic]) -> c_void_p:
    return c_void_p(array.ctypes.data)
