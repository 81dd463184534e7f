"""Parts of speech of Chinese words: a property of the word, not of its place in a sentence.

The tags are those of jieba's dictionary (its letters come from ICTCLAS), folded to their first letter but for
the kinds of names.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl
import rjieba

from mgm.text.list_columns import offsets

NAME_TAGS = ("nr", "ns", "nt", "nz")
"""People, places, organisations, other names: told apart from other nouns."""
TAGS = (*"abcdefghijklmnopqrstuvxyz", *NAME_TAGS)
"""What a tag is folded to; the id of a part of speech is its place here, counted from 1. x: unknown."""
NO_POS = 0
"""The id of words that are not Chinese."""
NUM_POS = 32
"""The cardinality: ids are below this."""
assert len(TAGS) < NUM_POS

MAX_LETTERS = 4
_ID = {tag: i for i, tag in enumerate(TAGS, start=1)}
_HAN = r"^\p{Han}+$"
_LINE = "\n"


def is_tag(tag: str) -> bool:
    """Whether it is one of jieba's tags: a letter of the table, with up to three more."""
    return tag == "eng" or (tag[:1] in _ID and len(tag) <= MAX_LETTERS)


def tag_id(tag: str) -> int:
    """The id of a tag of jieba's: nrt is nr, vn is v, eng and what is not known are x."""
    return (tag != "eng" and (_ID.get(tag[:2]) or _ID.get(tag[:1]))) or _ID["x"]


def tag_words(words: pl.Series, given: Mapping[str, str] | None = None) -> pl.Series:
    """The part of speech of each of these distinct words: `pos`, i8; NONE where a word is not all Han.

    `given`, the tags of the user's dictionary by word, come first. The others are tagged in one call of jieba,
    a word a line; a word that jieba cuts there has the tag of its last piece, the head of most compounds.
    """
    han = words.str.contains(_HAN).to_numpy()
    found = np.full(len(words), NO_POS, dtype=np.int8)
    if han.any():
        own = words.filter(han)
        pieces, tags = zip(*rjieba.tag(_LINE.join(own.to_list())), strict=True)
        tagged = pl.DataFrame({"piece": pieces, "tag": tags}).filter(pl.col("piece") != _LINE)
        ends = np.cumsum(tagged["piece"].str.len_chars().to_numpy(), dtype=np.int64)
        last = np.searchsorted(ends, offsets(own.str.len_chars().to_numpy())[1:])
        ids = {tag: tag_id(tag) for tag in tagged["tag"].unique().to_list()}
        found[han] = tagged["tag"].replace_strict(ids, return_dtype=pl.Int8).to_numpy()[last]
    result = pl.Series("pos", found)
    if not given:
        return result
    own_ids = {word: tag_id(tag) for word, tag in given.items()}
    by_user = words.replace_strict(own_ids, default=None, return_dtype=pl.Int8)
    return pl.select(pl.coalesce(by_user, result).alias("pos")).to_series()
