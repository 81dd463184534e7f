"""Words and character n-grams of a text, as the peers read them."""

import re
from itertools import pairwise

import rjieba

_HAN = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """The words in lower case, without punctuation; a text with Chinese is cut by rjieba."""
    text = text.lower()
    if _HAN.search(text):
        return [word for word in rjieba.cut(text) if _WORD.fullmatch(word)]
    return _WORD.findall(text)


def words_and_bigrams(text: str) -> list[str]:
    """The words, then every two in a row."""
    found = words(text)
    return found + [f"{a} {b}" for a, b in pairwise(found)]


def characters(text: str) -> list[str]:
    """Every run of 2 to 5 characters, of 1 to 4 in a text with Chinese; in lower case, blanks as one blank."""
    text = " ".join(text.lower().split())
    sizes = range(1, 5) if _HAN.search(text) else range(2, 6)
    return [text[i : i + size] for size in sizes for i in range(len(text) - size + 1)]
