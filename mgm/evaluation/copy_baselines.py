"""What generation tasks are compared with: a document's first sentence, and the document itself, of its words and their places."""

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from mgm.model.batch import flat_positions, flatten_lists

MOST_WORDS = 400
"""Of what is copied of a document: a summary is never so long."""


def lead_and_copy(documents: pl.DataFrame, types: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """The first sentence of each document, and its first MOST_WORDS words; a blank between words that do not touch."""
    word, count = flatten_lists(documents["word"])
    start, end = flatten_lists(documents["start"])[0], flatten_lists(documents["end"])[0]
    first = np.cumsum(count) - count
    apart = np.ones(len(word), bool)
    apart[1:] = start[1:] > end[:-1]
    text = pl.Series(types["text"]).gather(word)
    spaced = pl.select(pl.when(pl.Series(apart)).then(pl.lit(" ") + text).otherwise(text)).to_series()
    sentence, sentences = flatten_lists(documents["sentence"])
    lead = np.zeros(len(count), np.int64)
    has = sentences > 0
    lead[has] = sentence[(np.cumsum(sentences) - sentences)[has]]
    return _joined(spaced, first, lead), _joined(spaced, first, np.minimum(count, MOST_WORDS))


def _joined(pieces: pl.Series, first: np.ndarray, count: np.ndarray) -> pl.Series:
    offsets = pa.array(np.concatenate([[0], np.cumsum(count)]), pa.int64())
    flat = pieces.gather(flat_positions(first, count)).to_arrow().cast(pa.large_string())
    rows = pc.binary_join(pa.LargeListArray.from_arrays(offsets, flat), pa.scalar("", pa.large_string()))
    found = pl.from_arrow(rows)
    assert isinstance(found, pl.Series)
    return found.str.strip_chars()
