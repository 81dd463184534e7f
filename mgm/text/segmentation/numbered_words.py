"""The words of texts as numbers, by the kernels in C: a word that was spelt before costs one look-up.

The kernels cut texts as `words.find_words` and `sentences.find_sentences` do; with a user dictionary rjieba cuts all runs of Han
characters before. They leave out texts with characters that `pieces` or `mgm.text.jieba` does not know, which these functions cut.
"""

import ctypes
from ctypes import c_int64, c_uint64, c_void_p
from itertools import chain
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.native import check_status, load_kernels
from mgm.settings.text import SegmentationSettings
from mgm.text.dictionary import UserDictionary
from mgm.text.jieba import load_jieba
from mgm.text.list_columns import Array, factorize, offsets, utf8_of
from mgm.text.segmentation.pieces import character_classes, classes_with_jieba, slices
from mgm.text.segmentation.sentences import WordClasses, least_paragraph_gap
from mgm.text.segmentation.words import cut_lines, find_words

_BYTES_PER_CALL = 1 << 16
"""So few that jieba's list of words is still in the processor's cache when it is read."""
_SLOT_BYTES = 32
"""Those of `Slot` of words.c."""
_LINE_BYTES = 64
Number = TypeVar("Number", bound=np.generic)
_OTHER_WORDS = 2
"""The status of a kernel that was given words other than those of its texts."""


class _Arguments(ctypes.Structure):
    """`Spellings` of words.c."""

    _fields_ = [
        ("text", c_void_p),
        ("slot", c_void_p),
        ("slots", c_uint64),
    ]


class Spellings:
    """Words with a number each, in a hash table of their spellings."""

    def __init__(self) -> None:
        self._text = np.zeros(0, np.uint8)
        self._bound = np.zeros(1, np.int64)
        self._number = np.zeros(0, np.int64)
        self._slots = _empty_slots(1 << 12)

    def __len__(self) -> int:
        return len(self._number)

    def add(self, words: pl.Series, numbers: Array) -> None:
        """Add distinct words, of which none is known."""
        if len(words) == 0:
            return
        data, bounds = utf8_of(words)
        known, size = len(self), len(self) + len(words)
        text = np.frombuffer(data or b"", np.uint8)[bounds[0] : bounds[-1]]
        self._text = np.concatenate([self._text, text])
        self._bound = np.concatenate([self._bound, self._bound[-1] + bounds[1:] - bounds[0]])
        self._number = np.concatenate([self._number, numbers])
        if 2 * size > len(self._slots):
            self._slots = _empty_slots(1 << (2 * size).bit_length())
            known = 0
        kernels = load_kernels()
        assert kernels is not None
        kernels.mgm_index_spellings(
            ctypes.byref(self.arguments()),
            c_void_p(self._bound[known:].ctypes.data),
            c_void_p(self._number[known:].ctypes.data),
            c_int64(size - known),
        )

    def look_up(self, words: pl.Series) -> Array:
        """Return the number of each word; -1: it is not known."""
        data, bounds = utf8_of(words)
        numbers = np.empty(len(words), np.int64)
        kernels = load_kernels()
        assert kernels is not None
        kernels.mgm_look_up_spellings(
            ctypes.byref(self.arguments()),
            c_void_p(None if data is None else data.address),
            c_void_p(bounds.ctypes.data),
            c_int64(len(words)),
            c_void_p(numbers.ctypes.data),
        )
        return numbers

    def arguments(self) -> ctypes.Structure:
        """Return the table for a kernel; it holds until the next word is added."""
        return _Arguments(self._text.ctypes.data, self._slots.ctypes.data, len(self._slots))


def _empty_slots(count: int) -> npt.NDArray[np.uint8]:
    """Return memory for slots, (count, bytes of one), that begins with a line of the processor's cache."""
    memory = np.zeros(count * _SLOT_BYTES + _LINE_BYTES, np.uint8)
    begin = -memory.ctypes.data % _LINE_BYTES
    return memory[begin : begin + count * _SLOT_BYTES].reshape(count, _SLOT_BYTES)


class NumberedWords(NamedTuple):
    """The N words of B texts, one after another."""

    counts: Array
    """(B,) the words of each text."""
    word: Array
    """(N,) the number of each word; -1 - i: the i-th of the new ones."""
    gap: npt.NDArray[np.uint8]
    """(N,) uint8, the gap between a word and the one before it (`words.Gap`); that of a text's first word means nothing."""
    new: pl.Series
    """The distinct words that are not known."""

    def count_sentences(
        self, numbers: Array, *, classes: WordClasses, settings: SegmentationSettings
    ) -> tuple[Array, Array]:
        """Put the numbers of new words into `word`; return the words of each sentence, and the sentences of each text (B,).

        Args:
            numbers: those of the new words.
            classes: of each number, the classes of its word (`classify_words`).
            settings: the end of a paragraph, and the longest sentence in words.
        """
        lengths, sentences = np.empty(len(self.word), np.int64), np.empty(len(self.counts), np.int64)
        kernels = load_kernels()
        assert kernels is not None
        status = kernels.mgm_count_sentences(
            c_void_p(self.counts.ctypes.data),
            c_int64(len(self.counts)),
            *(c_void_p(array.ctypes.data) for array in (self.word, self.gap, numbers, classes)),
            c_int64(least_paragraph_gap(settings)),
            c_int64(settings.max_sentence_words),
            *(c_void_p(array.ctypes.data) for array in (lengths, sentences)),
        )
        check_status(status)
        return lengths[: sentences.sum()], sentences


def number_words(
    texts: pl.Series, settings: SegmentationSettings, *, known: Spellings, dictionary: UserDictionary | None
) -> NumberedWords:
    """Return the words of texts as numbers.

    Args:
        texts: texts.
        settings: those of Chinese and similar words.
        known: the numbers of words.
        dictionary: further Chinese words.
    """
    found = _find_words(texts, settings, known=known, dictionary=dictionary)
    if (found.counts >= 0).all():
        return found
    rows = np.flatnonzero(found.counts < 0)
    words = find_words(texts.gather(rows), settings, dictionary=dictionary)
    types, new = _number_types(words.types, known, new=found.new)
    others = NumberedWords(
        np.bincount(words.row, minlength=len(rows)), types[words.code], words.gap.astype(np.uint8), new
    )
    return _merge(found, others, rows=rows)


def cut_chinese(texts: pl.Series) -> tuple[pl.Series, Array] | None:
    """Return the words of Chinese texts, one text after another, and the number of those of each; None: a text has a rare character."""
    found = _find_words(texts, SegmentationSettings(), known=Spellings(), dictionary=None)
    if (found.counts < 0).any():
        return None
    return found.new.gather(-1 - found.word).alias(texts.name), found.counts


def _find_words(
    texts: pl.Series, settings: SegmentationSettings, *, known: Spellings, dictionary: UserDictionary | None
) -> NumberedWords:
    """Return the words of the texts that the kernel knows; the count of others is -1.

    With a user dictionary rjieba cuts Chinese, without one the kernel.
    """
    kernels = load_kernels()
    assert kernels is not None
    data, bounds = utf8_of(texts)
    text = c_void_p(None if data is None else data.address)
    arguments = (text, c_void_p(bounds.ctypes.data), c_int64(len(texts)))
    classes = c_void_p(character_classes().ctypes.data)
    size = int(bounds[-1] - bounds[0])
    cut, jieba = None, None
    cuts_chinese = settings.chinese_tokens == "words"
    if cuts_chinese and dictionary is None:
        jieba = load_jieba()
        assert jieba is not None
        classes = c_void_p(classes_with_jieba().ctypes.data)
    if cuts_chinese and dictionary is not None:
        # a character of a run has three bytes, the line break behind the run one
        runs = np.empty(size + size // 3 + 1, np.uint8)
        kernels.mgm_find_han_runs.restype = c_int64
        num_bytes = kernels.mgm_find_han_runs(*arguments, classes, c_void_p(runs.ctypes.data))
        cut = _cut_runs(runs[:num_bytes].tobytes(), dictionary)
    count, sizes = np.empty(len(texts), np.int64), np.zeros(2, np.int64)
    word, gap = np.empty(size, np.int64), np.empty(size, np.uint8)
    first, width = np.empty(size, np.int64), np.empty(size, np.int32)
    status = kernels.mgm_find_words(
        *arguments,
        classes,
        ctypes.byref(known.arguments()),
        cut,
        c_int64(0 if cut is None else len(cut)),
        None if jieba is None else ctypes.byref(jieba.arguments),
        *(c_void_p(array.ctypes.data) for array in (count, word, gap, first, width, sizes)),
    )
    assert status != _OTHER_WORDS, "jieba's words are not their runs"
    check_status(status)
    words, new = sizes.tolist()
    return NumberedWords(count, word[:words], gap[:words], slices(data, first[:new], width=width[:new]))


def _cut_runs(runs: bytes, dictionary: UserDictionary) -> bytes:
    """Return the words of runs of Han characters, both with line breaks between them."""
    cut, begin = [], 0
    while begin < len(runs):
        end = runs.find(b"\n", begin + _BYTES_PER_CALL) + 1 or len(runs)
        cut.append("\n".join(cut_lines(runs[begin:end].decode(), dictionary)).encode())
        begin = end
    return b"\n".join(cut)


def _number_types(types: pl.Series, known: Spellings, *, new: pl.Series) -> tuple[Array, pl.Series]:
    """Return the number of each type, and the new words with those that are new here behind."""
    numbers = known.look_up(types)
    at = np.flatnonzero(numbers < 0)
    if len(at) == 0:
        return numbers, new
    unknown = types.gather(at).alias(new.name)
    # few of the new words are among these, which alone are factorized
    new_before = np.flatnonzero(new.is_in(unknown.implode()).to_numpy())
    code, distinct = factorize(pl.concat([new.gather(new_before), unknown]))
    more = distinct[len(new_before) :]
    place = np.concatenate([new_before, len(new) + np.arange(len(more))])
    numbers[at] = -1 - place[code[len(new_before) :]]
    return numbers, pl.concat([new, more])


def _merge(found: NumberedWords, others: NumberedWords, *, rows: Array) -> NumberedWords:
    """Return the words of all texts: `others` are those of the texts `rows`, whose count in `found` is -1."""
    place = offsets(np.maximum(found.counts, 0))[rows]
    count = found.counts.copy()
    count[rows] = others.counts
    bounds = np.cumsum(others.counts)[:-1]

    def insert(values: npt.NDArray[Number], added: npt.NDArray[Number]) -> npt.NDArray[Number]:
        before, inserted = np.split(values, place), np.split(added, bounds)
        return np.concatenate([*chain(*zip(before[:-1], inserted, strict=True)), before[-1]])

    word, gap = insert(found.word, others.word), insert(found.gap, others.gap)
    return NumberedWords(count, word, gap, others.new)
