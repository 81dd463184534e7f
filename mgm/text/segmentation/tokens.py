"""Documents to tokens: words, sentences and paragraphs, with offsets into the raw texts."""

import numpy as np
import polars as pl

from mgm.corpus.rejects import NO_WORDS, split_rejected
from mgm.settings.text import SegmentationSettings
from mgm.text.dictionary import UserDictionary
from mgm.text.factorized_tokens import FactorizedTokens
from mgm.text.list_columns import Array, unflatten
from mgm.text.offsets import Edits
from mgm.text.segmentation.sentences import find_sentences, group_lengths
from mgm.text.segmentation.words import find_words

TOKEN_COLUMNS = {"words": pl.List(pl.String)} | {
    name: pl.List(pl.Int32) for name in ("start", "end", "sentence", "paragraph")
}
"""The columns that `tokenize` puts in place of `text` and `edits`."""


def tokenize(
    frame: pl.DataFrame, settings: SegmentationSettings, *, dictionary: UserDictionary | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Segment as `segment` does, with the words of the cleaned text as a column of the tokens.

    Returns:
        The tokens, with `words`, list[str], before the other new columns; and the rejected rows.
    """
    tokens, words, rejected = segment(frame, settings, dictionary=dictionary)
    return tokens.insert_column(
        tokens.columns.index("start"), words.to_lists(words.types.alias("words"))
    ), rejected


def segment(
    frame: pl.DataFrame, settings: SegmentationSettings, *, dictionary: UserDictionary | None = None
) -> tuple[pl.DataFrame, FactorizedTokens, pl.DataFrame]:
    """Cut the column `text` into words, sentences and paragraphs.

    Args:
        frame: documents with `text`, and `edits` if they were cleaned.
        settings: the end of a paragraph, the longest sentence in words, and whether Chinese is cut into words.
        dictionary: further Chinese words.

    Returns:
        The rows kept, in their order, with `start` and `end` list[i32] (raw offsets), `sentence` list[i32] (words of each sentence)
        and `paragraph` list[i32] (sentences of each paragraph) in place of `text` and `edits`; their words; and the rejected rows
        (doc_id, reasons, values).
    """
    words = find_words(frame["text"], settings, dictionary=dictionary)
    rows, row, start, end = frame.height, words.row, words.start, words.end
    if "edits" in frame.columns and len(row):
        back = Edits.from_column(frame["edits"]).inverse()
        has_edits = np.zeros(rows, dtype=bool)
        has_edits[back.text] = True
        at = np.flatnonzero(has_edits[row])
        start[at], end[at] = back.map_starts(row[at], start[at]), back.map_ends(row[at], end[at])
    begins, begins_paragraph = find_sentences(words, settings)

    first_words = np.flatnonzero(begins)
    first_sentences = np.flatnonzero(begins_paragraph[first_words])
    sentence_row = row[first_words]
    counts = np.bincount(row, minlength=rows)
    tokens = frame.drop("text", "edits", strict=False).with_columns(
        unflatten(_int32(start), counts, name="start"),
        unflatten(_int32(end), counts, name="end"),
        unflatten(
            _int32(group_lengths(first_words, len(row))),
            np.bincount(sentence_row, minlength=rows),
            name="sentence",
        ),
        unflatten(
            _int32(group_lengths(first_sentences, len(first_words))),
            np.bincount(sentence_row[first_sentences], minlength=rows),
            name="paragraph",
        ),
    )
    kept, rejected = split_rejected(frame, tokens, reasons={NO_WORDS: pl.Series(counts == 0)})
    return kept, FactorizedTokens.from_codes(words.code, words.types, counts=counts[counts > 0]), rejected


def _int32(values: Array) -> pl.Series:
    return pl.Series(values.astype(np.int32))


def split_wordless(frame: pl.DataFrame, word_counts: Array) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows of a frame with doc_id that have words, and the rejected ones (doc_id, reasons, values)."""
    return split_rejected(frame, frame, reasons={NO_WORDS: pl.Series(word_counts == 0)})
