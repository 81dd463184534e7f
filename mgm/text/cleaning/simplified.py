"""Cleaning step `simplified`: Traditional Chinese characters become Simplified ones (OpenCC, t2s)."""

from functools import cache

import numpy as np
import opencc
import polars as pl

from mgm.text.cleaning.rewrite import Rewritten, replace_rows
from mgm.text.offsets import Edits, align

_HAS_HAN = r"\p{Han}"


@cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def simplify_chinese(texts: pl.Series) -> Rewritten:
    """Convert texts with Han characters to Simplified Chinese.

    OpenCC replaces a character by one character, even where it considers whole words, so that no offset moves; should a text's length
    change, it is aligned.
    """
    rows = np.flatnonzero(texts.str.contains(_HAS_HAN).to_numpy())
    old = texts.gather(rows)
    convert = _converter().convert
    new = pl.Series(texts.name, [convert(text) for text in old], dtype=pl.String)
    changed = (new != old).to_numpy()
    if not changed.any():
        return texts, Edits.none()
    rows, old, new = rows[changed], old.filter(changed), new.filter(changed)
    moved = old.str.len_chars() != new.str.len_chars()
    edits = align(list(zip(old.filter(moved), new.filter(moved), strict=True)))
    return replace_rows(texts, rows, changed=new), edits.move_to_rows(rows[moved.to_numpy()])
