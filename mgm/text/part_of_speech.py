"""Parts of speech of Chinese words: a property of the word alone, not of its context.

The tags are those of jieba's dictionary (its letters come from ICTCLAS), folded to their first letter, except for the kinds of names.
"""

from collections.abc import Mapping
from operator import itemgetter

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.text.jieba import load_jieba

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


class _TagIds(dict[str, int]):
    """Tags of jieba's with their ids, each computed once."""

    def __missing__(self, tag: str) -> int:
        self[tag] = found = tag_id(tag)
        return found


_TAG_IDS = _TagIds()


def tag_words(words: pl.Series, user_tags: Mapping[str, str] | None = None) -> pl.Series:
    """Return the part of speech of each distinct word: `pos`, i8; NO_POS unless all characters are Han.

    The kernel tags the words that it knows, and rjieba all others in one call, one word a line. A word that jieba splits gets the tag
    of its last piece, which is the head of most compounds.

    Args:
        words: distinct words.
        user_tags: the tags of a user dictionary by word, which take precedence.
    """
    jieba = load_jieba()
    ids = np.zeros(len(words), np.int8) if jieba is None else jieba.tag(words)
    missing = ids == NO_POS
    missing[missing] = words.filter(missing).str.contains(_HAN).to_numpy()
    if missing.any():
        ids[missing] = _tags_of_rjieba(words.filter(missing))
    by_jieba = pl.Series("pos", ids)
    if not user_tags:
        return by_jieba
    user_ids = {word: tag_id(tag) for word, tag in user_tags.items()}
    by_user = words.replace_strict(user_ids, default=None, return_dtype=pl.Int8)
    return pl.select(pl.coalesce(by_user, by_jieba).alias("pos")).to_series()


def _tags_of_rjieba(words: pl.Series) -> npt.NDArray[np.int8]:
    """Return the parts of speech of words of Han characters."""
    # imported here, since loading its dictionary takes a quarter of a second, for which English need not wait
    import rjieba

    tagged = rjieba.tag(words.str.join(_LINE).item())
    is_line = np.fromiter(map(_LINE.__eq__, map(itemgetter(0), tagged)), bool, len(tagged))
    ids_of_pieces = np.fromiter(map(_TAG_IDS.__getitem__, map(itemgetter(1), tagged)), np.int8, len(tagged))
    return ids_of_pieces[np.flatnonzero(np.append(is_line, True)) - 1]
