"""The shape and the script of words: each is the first pattern that a word matches, counted from 1; 0: none matches.

A kernel in C finds them in one pass, for words of Latin letters, Chinese characters, digits and their punctuation; others are left to the
patterns.
"""

import unicodedata
from ctypes import CDLL, c_int64, c_void_p
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.native import load_kernels
from mgm.text.characters import JOINERS, TAG_END, TAGS
from mgm.text.list_columns import utf8_of

NUM_SHAPES = 16
NUM_SCRIPTS = 8

_LETTERS = rf"[\p{{L}}\p{{M}}{JOINERS}]"
_SHAPES = [
    r"^\p{Han}+$",
    r"^[\p{Ll}\p{M}]+$",
    r"^\p{Lu}$",
    r"^\p{Lu}[\p{Ll}\p{M}]+$",
    r"^[\p{Lu}\p{M}]+$",
    r"^\p{N}+$",
    r"^\p{N}[\p{N}.,:/-]*\p{N}$",
    r"^[.!?…。！？；;]+$",
    r"^\p{P}+$",
    rf"^\p{{S}}[\p{{S}}\p{{M}}{JOINERS}{TAGS}\x{{{TAG_END:X}}}]*$",
    r"^[@#]",
    rf"^{_LETTERS}+(?:['’‐-]{_LETTERS}+)+$",
    r"^(?:\p{L}\.)+$",
    rf"^{_LETTERS}+$",
    r"\p{L}.*\p{N}|\p{N}.*\p{L}|_",
]
_SCRIPTS = [
    r"\p{Han}",
    r"\p{Latin}",
    r"[\p{Cyrillic}\p{Greek}]",
    r"[\p{Hiragana}\p{Katakana}\p{Hangul}]",
    r"[\p{Arabic}\p{Hebrew}]",
    r"\p{L}",
    r"\p{N}",
]
assert len(_SHAPES) < NUM_SHAPES and len(_SCRIPTS) < NUM_SCRIPTS

# The bits of shapes.c but that of Han, by the categories and the further characters that have them.
_SETS: dict[int, tuple[tuple[str, ...], str]] = {
    2: (("Ll", "M"), ""),
    4: (("Lu",), ""),
    8: (("Lu", "M"), ""),
    16: (("N",), ""),
    32: (("N",), ".,:/-"),
    64: ((), ".!?…。！？；;"),
    128: (("P",), ""),
    256: (("S",), ""),
    512: (("S", "M"), ""),
    1024: ((), "@#"),
    2048: (("L", "M"), ""),
    4096: (("L",), ""),
    8192: ((), "'’‐-"),
    16384: ((), "_"),
}
_LEFT_TO_PYTHON = 32768
"""The bit of a character that the kernel does not know."""
_POINTS = 0x10000
_KNOWN = [(0x20, 0x7E), (0xC0, 0x24F), (0x2010, 0x2027), (0x3001, 0x3002), (0x3008, 0x3011), (0xFF01, 0xFF0F)]
"""Latin letters without the two ordinal indicators, and the punctuation beside them and beside Chinese."""
_HAN = (0x4E00, 0x9FFD)
_UNKNOWN = 255


def find_shapes(words: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return the shape and the script of each word: `shape` and `script`, i8."""
    kernels = load_kernels()
    if kernels is None:
        return match_shapes(words)
    shape, script = _by_kernel(kernels, words)
    left = np.flatnonzero(shape == _UNKNOWN)
    if len(left):
        shape[left], script[left] = match_shapes(words.gather(left))
    return pl.Series("shape", shape.view(np.int8)), pl.Series("script", script.view(np.int8))


def _by_kernel(kernels: CDLL, words: pl.Series) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return the shape and the script of each word; _UNKNOWN: it has characters that the tables do not have."""
    data, bounds = utf8_of(words)
    shape, script = np.empty(len(words), np.uint8), np.empty(len(words), np.uint8)
    kernels.mgm_find_shapes(
        c_void_p(None if data is None else data.address),
        c_void_p(bounds.ctypes.data),
        c_int64(len(words)),
        *(c_void_p(array.ctypes.data) for array in (*_tables(), shape, script)),
    )
    return shape, script


def match_shapes(words: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return what `find_shapes` does, by the patterns alone."""
    return _first_match(words, _SHAPES).alias("shape"), _first_match(words, _SCRIPTS).alias("script")


@cache
def _tables() -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
    """Return the sets of each code point of the first plane, as bits, and its script.

    They are those of `_KNOWN`. To match the patterns with all of the plane would take longer than they take for most texts.
    """
    sets, scripts = np.full(_POINTS, _LEFT_TO_PYTHON, np.uint16), np.zeros(_POINTS, np.uint8)
    for first, last in _KNOWN:
        for point in range(first, last + 1):
            sets[point], scripts[point] = _describe(chr(point))
    sets[slice(*_HAN)], scripts[slice(*_HAN)] = _describe(chr(_HAN[0]))
    sets[ord("\n")] = _LEFT_TO_PYTHON
    return sets, scripts


def _describe(character: str) -> tuple[int, int]:
    """Return the sets and the script of one of `_KNOWN`."""
    category, is_han = unicodedata.category(character), character >= "\u4e00"
    sets = sum(
        bit
        for bit, (categories, others) in _SETS.items()
        if character in others or category in categories or category[0] in categories
    )
    if category[0] == "L":
        return sets | is_han, 1 if is_han else 2
    return sets, 7 if category[0] == "N" else 0


def _first_match(words: pl.Series, patterns: list[str]) -> pl.Series:
    """Return the number of the first pattern that each word matches, counted from 1; 0 for none; i8."""
    word = pl.col(words.name)
    chain = pl.coalesce(
        *(
            pl.when(word.str.contains(pattern)).then(pl.lit(i, pl.Int8))
            for i, pattern in enumerate(patterns, start=1)
        ),
        pl.lit(0, pl.Int8),
    )
    return words.to_frame().select(chain.alias("match")).to_series()
