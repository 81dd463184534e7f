"""Parts of speech of Chinese words: a property of the word alone, not of its context.

The tags are those of jieba's dictionary (its letters come from ICTCLAS), folded to their first letter, except for the kinds of names.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from mgm.text.list_columns import num_characters, offsets

NAME_TAGS = ("nr", "ns", "nt", "nz")
"""People, places, organisations and other names, which are distinguished from other nouns."""
TAGS = (*"abcdefghijklmnopqrstuvxyz", *NAME_TAGS)
"""The folded tags; the id of a part of speech is its place here, counted from 1. x: unknown."""
NO_POS = 0
"""The id of a word that is not Chinese."""
NUM_POS = 32
"""The number of ids: each is below this."""
assert len(TAGS) < NUM_POS

MAX_LETTERS = 4
_ID = {tag: i for i, tag in enumerate(TAGS, start=1)}
_HAN = r"^\p{Han}+$"
_LINE = "\n"


def is_tag(tag: str) -> bool:
    """Return whether jieba has such a tag: a letter of `TAGS`, with up to three more letters."""
    return tag == "eng" or (tag[:1] in _ID and len(tag) <= MAX_LETTERS)


def tag_id(tag: str) -> int:
    """Return the id of a tag of jieba's: nrt is nr, vn is v; eng and unknown tags are x."""
    return (tag != "eng" and (_ID.get(tag[:2]) or _ID.get(tag[:1]))) or _ID["x"]


def tag_words(words: pl.Series, user_tags: Mapping[str, str] | None = None) -> pl.Series:
    """Return the part of speech of each distinct word: `pos`, i8; NO_POS unless all characters are Han.

    All words are tagged in one call of jieba, one word a line; a word that jieba splits gets the tag of its last piece, which is the
    head of most compounds.

    Args:
        words: distinct words.
        user_tags: the tags of a user dictionary by word, which take precedence.
    """
    han = words.str.contains(_HAN).to_numpy()
    ids = np.full(len(words), NO_POS, dtype=np.int8)
    if han.any():
        # imported here, since loading its dictionary takes a quarter of a second, for which English need not wait
        import rjieba

        chinese = words.filter(han)
        pieces, tags = zip(*rjieba.tag(_LINE.join(chinese.to_list())), strict=True)
        tagged = pl.DataFrame({"piece": pieces, "tag": tags}).filter(pl.col("piece") != _LINE)
        ends = np.cumsum(tagged["piece"].str.len_chars().to_numpy(), dtype=np.int64)
        last = np.searchsorted(ends, offsets(num_characters(chinese))[1:])
        id_of_tag = {tag: tag_id(tag) for tag in tagged["tag"].unique().to_list()}
        ids[han] = tagged["tag"].replace_strict(id_of_tag, return_dtype=pl.Int8).to_numpy()[last]
    by_jieba = pl.Series("pos", ids)
    if not user_tags:
        return by_jieba
    user_ids = {word: tag_id(tag) for word, tag in user_tags.items()}
    by_user = words.replace_strict(user_ids, default=None, return_dtype=pl.Int8)
    return pl.select(pl.coalesce(by_user, by_jieba).alias("pos")).to_series()
