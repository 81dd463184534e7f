"""Words to sentences and paragraphs.

A sentence ends at a line break, after 。！？； and after .!?… if a blank and a character that can begin a sentence follow, or a Han
character. Closing quotes and brackets belong to the sentence before them. A dot after a common abbreviation, an initial or the number
of a list item ends no sentence.
"""

import numpy as np

from mgm.settings.text import SegmentationSettings
from mgm.text.list_columns import Array, Flags, local_index
from mgm.text.segmentation.words import Gap, Words

_CLOSES = r"""^["'”’»›」』）)\]】》〉]$"""
_STRONG_STOP = r"^[!?]*[。！？；][。！？]*[!?]*$"
_SOFT_STOP = r"^(?:[!?]+|\.+|…+)$"
_MAY_BEGIN = r"""^["'“‘«‹「『（(\[【《〈¿¡@#\p{Lu}\p{Lt}\p{Lo}\p{N}\p{So}]"""
_HAN = r"^\p{Han}"
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


def find_sentences(words: Words, settings: SegmentationSettings) -> tuple[Flags, Flags]:
    """Return which words begin a sentence, and which begin a paragraph, both (N,)."""
    count = len(words.row)
    gap = words.gap.copy()
    gap[:1] = Gap.EMPTY_LINE
    gap[1:][words.row[1:] != words.row[:-1]] = Gap.EMPTY_LINE  # the beginning of a text
    paragraph = gap >= (Gap.LINE_BREAK if settings.paragraph == "line" else Gap.EMPTY_LINE)
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
    code, types = words.code, words.types
    lower = types.str.to_lowercase()

    def is_a(pattern: str) -> Flags:
        return types.str.contains(pattern).to_numpy()

    soft, strong = is_a(_SOFT_STOP), is_a(_STRONG_STOP)
    stops = np.flatnonzero((soft | strong)[code])
    # Closing marks that follow a stop without a blank belong to it; the base of a chain of them is the word before the first.
    closing = np.flatnonzero(is_a(_CLOSES)[code] & (gap == Gap.NOTHING))
    opens_chain = np.append(True, np.diff(closing) > 1)[: len(closing)]
    base = (closing[opens_chain] - 1)[np.cumsum(opens_chain) - 1]
    belongs = (soft | strong)[code[base]]
    at = np.concatenate([stops, closing[belongs]])
    stop = np.concatenate([stops, base[belongs]])

    stopped = np.zeros(len(code) + 1, dtype=bool)
    stopped[at] = True
    following = np.minimum(at + 1, len(code) - 1)
    goes_on = stopped[at + 1] & (gap[following] == Gap.NOTHING)
    next_type = code[following]
    may_begin = (is_a(_MAY_BEGIN)[next_type] & (gap[following] > Gap.NOTHING)) | is_a(_HAN)[next_type]

    at_before = np.maximum(stop - 1, 0)
    before = code[at_before]
    abbreviation = (lower.is_in(_ABBREVIATIONS) | types.str.contains(_INITIAL)).to_numpy()[before]
    before_number = lower.is_in(_BEFORE_NUMBERS).to_numpy()[before] & is_a(r"^\p{N}")[next_type]
    dot = (types == ".").to_numpy()[code[stop]] & (gap[stop] == Gap.NOTHING)
    number_of_item = is_a(_ITEM)[before] & (gap[at_before] >= Gap.LINE_BREAK)
    no_end = dot & (abbreviation | before_number | number_of_item)
    ends = ~goes_on & (strong[code[stop]] | (may_begin & ~no_end))
    return at[ends]
