"""Segmentation: texts to words with offsets, sentences and paragraphs.

One regular expression cuts a text into pieces; runs of Han characters are then cut into words by jieba (rjieba), or into characters, so
that mixed text is cut run by run. A word is:

- a placeholder of cleaning, such as <URL>;
- letters, digits and underscores, with apostrophes and hyphens inside: don't, well-known, x86_64, 2024-05-01,
  libstdc++;
- a number with its separators: 3.14, 1,000, 12:30; letters are not joined by dots: file.txt is three words;
- letters each with a dot: U.S., e.g.; C#; @mention and #tag; a few emoticons;
- a run of the same mark (!!!, ..., --, 。。。); an emoji with its modifiers and joined emoji, a flag; any other character that is not
  a blank, with its combining marks.

A sentence ends at a line break, after 。！？； and after .!?… if a blank and a character that can begin a sentence follow, or a Han
character. Closing quotes and brackets belong to the sentence before them. A dot after a common abbreviation, an initial or the number
of a list item ends no sentence.

Each distinct piece is processed once, and its words are copied to all its occurrences.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import rjieba

from mgm.corpus.rejects import NO_WORDS, split_rejected
from mgm.settings.text import SegmentationSettings
from mgm.text.dictionary import UserDictionary
from mgm.text.factorized_tokens import FactorizedTokens
from mgm.text.list_columns import (
    Array,
    factorize,
    flatten,
    lengths,
    local_index,
    num_characters,
    offsets,
    row_ids,
    unflatten,
)
from mgm.text.offsets import Edits
from mgm.text.patterns import EMOTICON, PLACEHOLDERS

Flags = npt.NDArray[np.bool_]

_L = r"[\p{L}--\p{Han}]"
_W = r"[[\p{L}\p{M}\p{N}_]--\p{Han}]"
TOKEN_COLUMNS = {"words": pl.List(pl.String)} | {
    name: pl.List(pl.Int32) for name in ("start", "end", "sentence", "paragraph")
}
"""The columns that `tokenize` puts in place of `text` and `edits`."""

_PICTURE = r"[\p{M}\p{EMod}]*"
_WORD = "|".join(
    [
        *PLACEHOLDERS.values(),
        r"\p{Han}+",
        r"\p{Nd}+(?:[.,:/]\p{Nd}+)+",
        rf"(?:{_L}\.){{2,}}",
        r"[CFJ]#",
        rf"{_W}+(?:['’‐\-]{_W}+)*(?:\+\+)?",
        rf"[@#]{_W}+",
        EMOTICON,
        r"[!?！？]+|\.{2,}|…+|-{2,}|—+|。+|~{2,}",
        r"\p{RI}{2}",
        rf"\S{_PICTURE}(?:\x{{200D}}\p{{Extended_Pictographic}}{_PICTURE})*",
    ]
)
_PIECE = rf"(?:{_WORD})[^\S\n]*|\s+"

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

# So few that jieba's list of words is still in the processor's cache when it is read.
_RUNS_PER_CALL = 4_096

# The gap between a word and the one before it.
_NOTHING, _BLANK, _LINE_BREAK, _EMPTY_LINE = range(4)


@dataclass(frozen=True, kw_only=True)
class _Words:
    """The N words of many texts, one after another: word i is types[code[i]]. Arrays are (N,)."""

    row: Array
    """The text."""
    code: Array
    types: pl.Series
    """May hold a word several times."""
    start: Array
    end: Array
    gap: Array
    """The gap between a word and the one before it."""


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
    words = _find_words(frame["text"], settings, dictionary)
    rows, row, start, end = frame.height, words.row, words.start, words.end
    if "edits" in frame.columns and len(row):
        back = Edits.from_column(frame["edits"]).inverse()
        has_edits = np.zeros(rows, dtype=bool)
        has_edits[back.text] = True
        at = np.flatnonzero(has_edits[row])
        start[at], end[at] = back.map_starts(row[at], start[at]), back.map_ends(row[at], end[at])
    begins, begins_paragraph = _find_sentences(words, settings)

    first_words = np.flatnonzero(begins)
    first_sentences = np.flatnonzero(begins_paragraph[first_words])
    sentence_row = row[first_words]
    counts = np.bincount(row, minlength=rows)
    tokens = frame.drop("text", "edits", strict=False).with_columns(
        unflatten(_int32(start), counts, name="start"),
        unflatten(_int32(end), counts, name="end"),
        unflatten(
            _int32(_group_lengths(first_words, len(row))),
            np.bincount(sentence_row, minlength=rows),
            name="sentence",
        ),
        unflatten(
            _int32(_group_lengths(first_sentences, len(first_words))),
            np.bincount(sentence_row[first_sentences], minlength=rows),
            name="paragraph",
        ),
    )
    kept, rejected = split_rejected(frame, tokens, {NO_WORDS: pl.Series(counts == 0)})
    return kept, FactorizedTokens.from_codes(words.code, words.types, counts[counts > 0]), rejected


def _int32(values: Array) -> pl.Series:
    return pl.Series(values.astype(np.int32))


def _group_lengths(starts: Array, total: int) -> Array:
    """Return the lengths of consecutive groups that begin at `starts`; the last one ends at `total`."""
    return np.diff(np.append(starts, total))


def _find_words(
    texts: pl.Series, settings: SegmentationSettings, dictionary: UserDictionary | None
) -> _Words:
    lists = texts.str.extract_all(_PIECE)
    per_text = lengths(lists)
    piece, pieces = factorize(flatten(lists))
    size = num_characters(pieces)
    bare = pieces.str.strip_chars_end()
    width = num_characters(bare)

    after = np.where(size > width, _BLANK, _NOTHING)
    blank = np.flatnonzero(width == 0)
    line_breaks = pieces.gather(blank).str.count_matches("\n", literal=True).to_numpy()
    after[blank] = np.select([line_breaks > 1, line_breaks == 1], [_EMPTY_LINE, _LINE_BREAK], _BLANK)

    # The words of each distinct piece: none for blanks, several for a run of Han characters, one for others.
    is_han = bare.str.contains(_HAN).to_numpy()
    per_piece = (width > 0).astype(np.int64)
    cut, per_piece[is_han] = cut_han_runs(
        bare.filter(is_han), chinese_tokens=settings.chinese_tokens, dictionary=dictionary
    )
    inner, cut_types = factorize(cut)
    plain = bare.filter(~is_han)
    types = pl.concat([plain, cut_types])
    type_width = num_characters(types)
    piece_of_word = row_ids(per_piece)
    code = (np.cumsum(~is_han) - 1)[piece_of_word]
    code[is_han[piece_of_word]] = len(plain) + inner
    within = offsets(type_width[code])[:-1]
    first = offsets(per_piece)[:-1]
    within -= within[first[piece_of_word]]  # from the start of the piece

    # The words of all pieces.
    counts = per_piece[piece]
    place = np.repeat(np.arange(len(piece)), counts)
    nth = local_index(counts)
    word = first[piece[place]] + nth
    tile = offsets(size[piece])
    row = row_ids(per_text)
    start = (tile[:-1] - tile[offsets(per_text)[row]])[place] + within[word]
    code = code[word]
    end = start + type_width[code]
    before = np.append(_NOTHING, after[piece])[:-1]
    return _Words(
        row=row[place],
        code=code,
        types=types,
        start=start,
        end=end,
        gap=np.where(nth == 0, before[place], _NOTHING),
    )


def cut_han_runs(
    runs: pl.Series,
    *,
    chinese_tokens: Literal["words", "characters"] = "words",
    dictionary: UserDictionary | None = None,
) -> tuple[pl.Series, Array]:
    """Return the words, or the characters, of runs of Han characters, and how many each run has.

    One call of jieba cuts many runs, which are separated by line breaks, since jieba cuts each line on its own.
    """
    run_lengths = num_characters(runs)
    if chinese_tokens == "characters" or len(runs) == 0:
        return flatten(runs.str.extract_all(r"\p{Han}")), run_lengths
    cutter = rjieba.cut if dictionary is None else dictionary.cut
    lines = runs if dictionary is None else dictionary.isolate_words(runs)
    calls = [lines.slice(i, _RUNS_PER_CALL) for i in range(0, len(lines), _RUNS_PER_CALL)]
    cut = pl.concat(
        [pl.Series(runs.name, cutter(call.str.join("\n").item()), dtype=pl.String) for call in calls]
    )
    cut = cut.filter(cut != "\n")
    bounds = np.cumsum(num_characters(cut))
    last = np.searchsorted(bounds, np.cumsum(run_lengths))
    assert np.array_equal(bounds[last], np.cumsum(run_lengths)), "jieba's words are not their runs"
    return cut, np.diff(np.append(-1, last))


def _find_sentences(words: _Words, settings: SegmentationSettings) -> tuple[Flags, Flags]:
    """Return which words begin a sentence, and which begin a paragraph, both (N,)."""
    count = len(words.row)
    gap = words.gap.copy()
    gap[:1] = _EMPTY_LINE
    gap[1:][words.row[1:] != words.row[:-1]] = _EMPTY_LINE  # the beginning of a text
    paragraph = gap >= (_LINE_BREAK if settings.paragraph == "line" else _EMPTY_LINE)
    begins = paragraph.copy()  # with blank_line, for hard-wrapped text, a line break ends no sentence
    following = _sentence_ends(words, gap) + 1
    begins[following[following < count]] = True
    # A sentence that is too long is split.
    starts = np.flatnonzero(begins)
    length = _group_lengths(starts, count)
    long = length > settings.max_sentence_words
    pieces = -(-length[long] // settings.max_sentence_words)
    begins[np.repeat(starts[long], pieces) + settings.max_sentence_words * local_index(pieces)] = True
    return begins, paragraph


def _sentence_ends(words: _Words, gap: Array) -> Array:
    """Return the words that end a sentence by its punctuation. `gap` is that of `words`, with _EMPTY_LINE before each text."""
    code, types = words.code, words.types
    lower = types.str.to_lowercase()

    def is_a(pattern: str) -> Flags:
        return types.str.contains(pattern).to_numpy()

    soft, strong = is_a(_SOFT_STOP), is_a(_STRONG_STOP)
    stops = np.flatnonzero((soft | strong)[code])
    # Closing marks that follow a stop without a blank belong to it; the base of a chain of them is the word before the first.
    closing = np.flatnonzero(is_a(_CLOSES)[code] & (gap == _NOTHING))
    opens_chain = np.append(True, np.diff(closing) > 1)[: len(closing)]
    base = (closing[opens_chain] - 1)[np.cumsum(opens_chain) - 1]
    belongs = (soft | strong)[code[base]]
    at = np.concatenate([stops, closing[belongs]])
    stop = np.concatenate([stops, base[belongs]])

    stopped = np.zeros(len(code) + 1, dtype=bool)
    stopped[at] = True
    following = np.minimum(at + 1, len(code) - 1)
    goes_on = stopped[at + 1] & (gap[following] == _NOTHING)
    next_type = code[following]
    may_begin = (is_a(_MAY_BEGIN)[next_type] & (gap[following] > _NOTHING)) | is_a(_HAN)[next_type]

    at_before = np.maximum(stop - 1, 0)
    before = code[at_before]
    abbreviation = (lower.is_in(_ABBREVIATIONS) | types.str.contains(_INITIAL)).to_numpy()[before]
    before_number = lower.is_in(_BEFORE_NUMBERS).to_numpy()[before] & is_a(r"^\p{N}")[next_type]
    dot = (types == ".").to_numpy()[code[stop]] & (gap[stop] == _NOTHING)
    number_of_item = is_a(_ITEM)[before] & (gap[at_before] >= _LINE_BREAK)
    no_end = dot & (abbreviation | before_number | number_of_item)
    ends = ~goes_on & (strong[code[stop]] | (may_begin & ~no_end))
    return at[ends]
