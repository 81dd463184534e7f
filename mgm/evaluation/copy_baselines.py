"""The baselines of generation tasks: a document's first sentence, and the document itself."""

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from mgm.text.list_columns import Array, flatten_ints, lengths, local_index, offsets

MAX_COPIED_WORDS = 400
"""The most words of a document that are copied: no summary is as long."""


def lead_and_copy(documents: pl.DataFrame, types: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Return the first sentence of each document, and its first `MAX_COPIED_WORDS` words.

    Args:
        documents: the documents of a part of features.
        types: the word types of the part.

    Returns:
        Two columns of text, with a blank between words that do not touch.
    """
    word, count = flatten_ints(documents["word"]), lengths(documents["word"])
    start, end = flatten_ints(documents["start"]), flatten_ints(documents["end"])
    first = np.cumsum(count) - count
    has_blank_before = np.ones(len(word), bool)
    has_blank_before[1:] = start[1:] > end[:-1]
    text = pl.Series(types["text"]).gather(word)
    spaced = pl.select(
        pl.when(pl.Series(has_blank_before)).then(pl.lit(" ") + text).otherwise(text)
    ).to_series()
    sentence, num_sentences = flatten_ints(documents["sentence"]), lengths(documents["sentence"])
    lead = np.zeros(len(count), np.int64)
    has_sentence = num_sentences > 0
    lead[has_sentence] = sentence[(np.cumsum(num_sentences) - num_sentences)[has_sentence]]
    return _join(spaced, first, count=lead), _join(spaced, first, count=np.minimum(count, MAX_COPIED_WORDS))


def _join(pieces: pl.Series, first: Array, *, count: Array) -> pl.Series:
    """Return the text of `count` pieces of each row, from its `first` one on."""
    chosen = pieces.gather(np.repeat(first, count) + local_index(count)).to_arrow().cast(pa.large_string())
    rows = pa.LargeListArray.from_arrays(pa.array(offsets(count), pa.int64()), chosen)
    joined = pl.from_arrow(pc.binary_join(rows, pa.scalar("", pa.large_string())))
    assert isinstance(joined, pl.Series)
    return joined.str.strip_chars()
