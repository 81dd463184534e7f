"""Words to sentences and paragraphs.

A sentence ends at a line break, after 。！？； and after .!?… if a blank and a character that can begin a sentence follow, or a Han
character. Closing quotes and brackets belong to the sentence before them. A dot after a common abbreviation, an initial or the number
of a list item ends no sentence.
"""

import string
from enum import IntFlag
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.settings.text import SegmentationSettings
from mgm.text.list_columns import Array, Flags, local_index, utf8_of
from mgm.text.segmentation.words import Gap, Words

_CLOSES = r"""^["'”’»›」』）)\]】》〉]$"""
_STRONG_STOP = r"^[!?]*[。！？；][。！？]*[!?]*$"
_SOFT_STOP = r"^(?:[!?]+|\.+|…+)$"
_MAY_BEGIN = r"""^["'“‘«‹「『（(\[【《〈¿¡@#\p{Lu}\p{Lt}\p{Lo}\p{N}\p{So}]"""
_HAN = r"^\p{Han}"
_NUMBER = r"^\p{N}"
_ITEM = r"^(?:\p{N}{1,3}|\p{L})$"
_INITIAL = r"^[\p{Lu}--I]$"
_ABBREVIATIONS = """
    mr mrs ms mx messrs dr prof st sr jr rev hon pres gov sen rep gen col maj capt cmdr lt sgt supt vs cf al
    approx viz ca dept univ assn bros mt ft
""".split()
_BEFORE_NUMBERS = """
    no nos nr fig figs eq eqs vol vols p pp ch chap sec art ver v jan feb mar apr jun jul aug sep sept oct nov
    dec
""".split()


class WordClass(IntFlag):
    """What a word is for the end of a sentence, as in sentences.c."""

    SOFT_STOP = 1
    STRONG_STOP = 2
    CLOSES = 4
    MAY_BEGIN = 8
    HAN = 16
    ABBREVIATION = 32
    BEFORE_NUMBER = 64
    NUMBER = 128
    ITEM = 256
    DOT = 512


_PATTERNS = {
    WordClass.SOFT_STOP: _SOFT_STOP,
    WordClass.STRONG_STOP: _STRONG_STOP,
    WordClass.CLOSES: _CLOSES,
    WordClass.MAY_BEGIN: _MAY_BEGIN,
    WordClass.HAN: _HAN,
    WordClass.ABBREVIATION: _INITIAL,
    WordClass.NUMBER: _NUMBER,
    WordClass.ITEM: _ITEM,
}
_LISTS = {WordClass.ABBREVIATION: _ABBREVIATIONS, WordClass.BEFORE_NUMBER: _BEFORE_NUMBERS}
WordClasses = npt.NDArray[np.uint16]


_OF_FIRST_CHARACTER = WordClass.MAY_BEGIN | WordClass.HAN | WordClass.NUMBER
_LONGEST_NUMBER_OF_ITEM = 3
_LONGEST_ABBREVIATION = max(len(word) for words in _LISTS.values() for word in words)


def classify_words(words: pl.Series) -> WordClasses:
    """Return the classes of words, bits of `WordClass`."""
    data, bounds = utf8_of(words)
    if data is None or bounds[-1] == bounds[0]:
        return _classify(words)
    # Most new words begin with an ASCII letter or digit: unless they are short, the expressions find no more in them than in that.
    first = np.frombuffer(data, np.uint8)[np.minimum(bounds[:-1], bounds[-1] - 1)]
    is_alphanumeric, classes_of_first = _first_bytes()
    classes, size = classes_of_first[first], words.str.len_chars().to_numpy()
    is_usual = is_alphanumeric[first] & (size > _LONGEST_NUMBER_OF_ITEM)
    others = np.flatnonzero(~is_usual)
    classes[others] = _classify(words.gather(others))
    short = np.flatnonzero(is_usual & (size <= _LONGEST_ABBREVIATION))
    classes[short] |= _classify_by_lists(words.gather(short))
    return classes


@cache
def _first_bytes() -> tuple[Flags, WordClasses]:
    """Return which bytes are ASCII letters or digits, and the classes of a long word that begins with one, both (256,)."""
    is_alphanumeric, classes = np.zeros(256, dtype=bool), np.zeros(256, dtype=np.uint16)
    beginnings = list((string.ascii_letters + string.digits).encode())
    is_alphanumeric[beginnings] = True
    classes[beginnings] = _classify(pl.Series([chr(byte) for byte in beginnings])) & _OF_FIRST_CHARACTER
    return is_alphanumeric, classes


def _classify(words: pl.Series) -> WordClasses:
    classes = _classify_by_lists(words)
    for word_class, pattern in _PATTERNS.items():
        classes[words.str.contains(pattern).to_numpy()] |= np.uint16(word_class)
    classes[(words == ".").to_numpy()] |= np.uint16(WordClass.DOT)
    return classes


def _classify_by_lists(words: pl.Series) -> WordClasses:
    classes = np.zeros(len(words), dtype=np.uint16)
    lower = words.str.to_lowercase()
    for word_class, members in _LISTS.items():
        classes[lower.is_in(members).to_numpy()] |= np.uint16(word_class)
    return classes


def least_paragraph_gap(settings: SegmentationSettings) -> Gap:
    """Return the least gap before a word that begins a paragraph."""
    return Gap.LINE_BREAK if settings.paragraph == "line" else Gap.EMPTY_LINE


def find_sentences(words: Words, settings: SegmentationSettings) -> tuple[Flags, Flags]:
    """Return which words begin a sentence, and which begin a paragraph, both (N,)."""
    count = len(words.row)
    gap = words.gap.copy()
    gap[:1] = Gap.EMPTY_LINE
    gap[1:][words.row[1:] != words.row[:-1]] = Gap.EMPTY_LINE  # the beginning of a text
    paragraph = gap >= least_paragraph_gap(settings)
    begins = paragraph.copy()  # with blank_line, for hard-wrapped text, a line break ends no sentence
    following = _sentence_ends(words, gap) + 1
    begins[following[following < count]] = True
    # A sentence that is too long is split.
    starts = np.flatnonzero(begins)
    length = group_lengths(starts, count)
    long = length > settings.max_sentence_words
    pieces = -(-length[long] // settings.max_sentence_words)
    begins[np.repeat(starts[long], pieces) + settings.max_sentence_words * local_index(pieces)] = True
    return begins, paragraph


def group_lengths(starts: Array, total: int) -> Array:
    """Return the lengths of consecutive groups that begin at `starts`; the last one ends at `total`."""
    return np.diff(np.append(starts, total))


def _sentence_ends(words: Words, gap: Array) -> Array:
    """Return the words that end a sentence by its punctuation. `gap` is that of `words`, with Gap.EMPTY_LINE before each text."""
    classes = classify_words(words.types)[words.code]

    def is_a(word_class: int, of_words: Array | slice = slice(None)) -> Flags:
        return (classes[of_words] & np.uint16(word_class)) > 0

    is_stop = is_a(WordClass.SOFT_STOP | WordClass.STRONG_STOP)
    stops = np.flatnonzero(is_stop)
    # Closing marks that follow a stop without a blank belong to it; the base of a chain of them is the word before the first.
    closing = np.flatnonzero(is_a(WordClass.CLOSES) & (gap == Gap.NOTHING))
    opens_chain = np.append(True, np.diff(closing) > 1)[: len(closing)]
    base = (closing[opens_chain] - 1)[np.cumsum(opens_chain) - 1]
    belongs = is_stop[base]
    at = np.concatenate([stops, closing[belongs]])
    stop = np.concatenate([stops, base[belongs]])

    stopped = np.zeros(len(classes) + 1, dtype=bool)
    stopped[at] = True
    following = np.minimum(at + 1, len(classes) - 1)
    goes_on = stopped[at + 1] & (gap[following] == Gap.NOTHING)
    may_begin = (is_a(WordClass.MAY_BEGIN, following) & (gap[following] > Gap.NOTHING)) | is_a(
        WordClass.HAN, following
    )

    before = np.maximum(stop - 1, 0)
    before_number = is_a(WordClass.BEFORE_NUMBER, before) & is_a(WordClass.NUMBER, following)
    dot = is_a(WordClass.DOT, stop) & (gap[stop] == Gap.NOTHING)
    number_of_item = is_a(WordClass.ITEM, before) & (gap[before] >= Gap.LINE_BREAK)
    no_end = dot & (is_a(WordClass.ABBREVIATION, before) | before_number | number_of_item)
    ends = ~goes_on & (is_a(WordClass.STRONG_STOP, stop) | (may_begin & ~no_end))
    return at[ends]
