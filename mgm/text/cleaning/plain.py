"""Texts that no step of cleaning changes, or none but `mask`, found by the kernel in C in one pass.

They have single blanks and stable characters, and of the first nothing is to be masked.

Stable is a character that no step changes, whatever stands beside it: printable ASCII, and most others of the first plane, Chinese ones
among them. The kernel leaves out every text that a step might change, and a few more; the steps then decide. Where words alone are
read, it also finds the texts of which cleaning would only collapse blanks, since their words are the same, with the same gaps.
"""

from ctypes import c_int64, c_void_p
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.native import load_kernels
from mgm.settings.text import CleaningSettings
from mgm.text.characters import INVISIBLE, SURROGATES
from mgm.text.cleaning.mojibake import SUSPICIOUS
from mgm.text.cleaning.unicode import FORMS, JOINING
from mgm.text.cleaning.width import fold_width
from mgm.text.list_columns import Flags, decode_code_points, utf8_of

_NEVER = -1
_POINTS = 0x10000
_ASCII = 0x80
# The bits of plain.c.
_PLAIN, _MAY_BE_MASKED, _CHECK_ENCODING = 1, 2, 4
# Unassigned characters may be marks in newer tables; the last are letters that an expression in which case does not matter takes for ASCII.
_UNSTABLE = rf"[\s{INVISIBLE}\p{{Cn}}]|{JOINING}|(?i)[a-z]"


class Unchanged(NamedTuple):
    """What is known of texts before any step, flags of each text; both are false for others."""

    plain: Flags
    """No step changes it."""
    but_masked: Flags
    """No step changes it but `mask`, which may."""


def find_plain(
    texts: pl.Series, settings: CleaningSettings, *, min_visible: int | None = None
) -> Unchanged | None:
    """Return which texts are left as they are by all steps but `html` and `mask`; None: there is no kernel.

    Args:
        texts: the texts.
        settings: the steps.
        min_visible: where given, also a text whose words stay as they are, if it has at least so many characters beside blanks.
    """
    kernels = load_kernels()
    if kernels is None:
        return None
    data, bound = utf8_of(texts)
    found = np.zeros(len(texts), dtype=np.uint8)
    is_ascii = data is None or np.frombuffer(data, np.uint8)[bound[0] : bound[-1]].max(initial=0) < _ASCII
    stable = np.zeros(_POINTS, np.uint8) if is_ascii else _stable_characters(settings)
    kernels.mgm_find_plain(
        c_void_p(data.address if data is not None else None),
        c_void_p(bound.ctypes.data),
        c_int64(len(texts)),
        c_void_p(stable.ctypes.data),
        c_int64(_NEVER if min_visible is None else min_visible),
        c_void_p(found.ctypes.data),
    )
    rows = np.flatnonzero(found >= _CHECK_ENCODING)
    if settings.mojibake and len(rows):
        looks_broken = texts.gather(rows).str.contains(SUSPICIOUS).to_numpy()
        found[rows[looks_broken]] = 0
    plain, but_masked = (found & _PLAIN) > 0, (found & _MAY_BE_MASKED) > 0
    return (
        Unchanged(plain, but_masked) if settings.mask else Unchanged(plain | but_masked, but_masked & False)
    )


def _stable_characters(settings: CleaningSettings) -> npt.NDArray[np.uint8]:
    """Return a flag for each code point of the first plane: whether it is stable, and not ASCII."""
    if settings.simplified:  # which looks at words
        return np.zeros(_POINTS, dtype=np.uint8)
    return _unchanged_characters(settings.unicode, settings.width)


@cache
def _unchanged_characters(
    unicode: Literal["nfc", "nfkc", "none"], width: Literal["none", "letters", "all"]
) -> npt.NDArray[np.uint8]:
    points = np.arange(_POINTS, dtype=np.uint32)
    points[SURROGATES] = 0
    characters = decode_code_points(points, np.ones(_POINTS, dtype=np.int64))
    stable = ~characters.str.contains(_UNSTABLE)
    if unicode in FORMS:
        stable &= characters.str.normalize(FORMS[unicode]) == characters
    if width != "none":
        stable &= fold_width(characters, width)[0] == characters
    return stable.to_numpy().astype(np.uint8)
