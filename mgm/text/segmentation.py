"""Segmentation: texts to words with offsets, sentences and paragraphs.

One regular expression tiles a text with pieces; runs of Han characters are then cut into words by jieba
(rjieba). What counts as a word:

- letters, digits and underscores, with apostrophes and hyphens inside: don't, well-known, x86_64, 2024-05-01,
  libstdc++;
- a number with its separators: 3.14, 1,000, 12:30; letters are not joined by dots: file.txt is three words;
- letters each with a dot: U.S., e.g.; C#; @mention and #tag; a few emoticons;
- a run of the same mark (!!!, ..., --, 。。。); every other character that is no blank, with its combining
  marks.

A sentence ends at a line break, after 。！？； and after .!?… before a blank and what may begin a sentence,
or before a Han character; closing quotes and brackets belong to the sentence that they end. A dot after a
common abbreviation or an initial ends none.
"""

import numpy as np
import numpy.typing as npt
import polars as pl
import rjieba

from mgm.corpus.rejects import NO_WORDS, split_rejected
from mgm.settings import SegmentationSettings
from mgm.text.lists import Array, factorize, flat, lengths, offsets, owners, ragged, ranges
from mgm.text.offsets import Edits

Flags = npt.NDArray[np.bool_]

_L = r"[\p{L}--\p{Han}]"
_W = r"[[\p{L}\p{M}\p{N}_]--\p{Han}]"
COLUMNS = {"words": pl.List(pl.String)} | {
    name: pl.List(pl.Int32) for name in ("start", "end", "sentence", "paragraph")
}
"""What `tokenize` puts in place of `text` and `edits`."""

EMOTICON = r"[:;=]-?[()]+|:-?[DPp]\b|<3"
_WORD = "|".join(
    [
        r"\p{Han}+",
        r"\p{Nd}+(?:[.,:/]\p{Nd}+)+",
        rf"(?:{_L}\.){{2,}}",
        r"[CFJ]#",
        rf"{_W}+(?:['’‐\-]{_W}+)*(?:\+\+)?",
        rf"[@#]{_W}+",
        EMOTICON,
        r"[!?！？]+|\.{2,}|…+|-{2,}|—+|。+|~{2,}",
        r"\S\p{M}*",
    ]
)
_PIECE = rf"(?:{_WORD})[^\S\n]*|\s+"

_CLOSES = r"""^["'”’»›」』）)\]】》〉]$"""
_STRONG_STOP = r"^[!?]*[。！？；][。！？]*[!?]*$"
_SOFT_STOP = r"^(?:[!?]+|\.+|…+)$"
_MAY_BEGIN = r"""^["'“‘«‹「『（(\[【《〈¿¡@#\p{Lu}\p{Lt}\p{Lo}\p{N}\p{So}]"""
_HAN = r"^\p{Han}"
_INITIAL = r"^[\p{Lu}--I]$"
_ABBREVIATIONS = """
    mr mrs ms mx messrs dr prof st sr jr rev hon pres gov sen rep gen col maj capt cmdr lt sgt supt vs cf al
    approx viz ca dept univ assn bros mt ft
""".split()
_BEFORE_NUMBERS = """
    no nos nr fig figs eq eqs vol vols p pp ch chap sec art ver v jan feb mar apr jun jul aug sep sept oct nov
    dec
""".split()

# What stands between a word and the one before it.
_NOTHING, _BLANK, _LINE_BREAK, _EMPTY_LINE = range(4)


def tokenize(frame: pl.DataFrame, settings: SegmentationSettings) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cuts the column `text` into words, sentences and paragraphs.

    Args:
        frame: documents with `text`, and `edits` where they were cleaned.
        settings: what ends a paragraph, and the longest sentence in words.

    Returns:
        The rows kept, in their order: `words` list[str] (of the cleaned text), `start` and `end` list[i32]
        (raw offsets), `sentence` list[i32] (words of each sentence), `paragraph` list[i32] (sentences of each
        paragraph) in place of `text` and `edits`; and the rejected rows (doc_id, reasons, values).
    """
    row, words, start, end, gap = _words(frame["text"])
    if "edits" in frame.columns and len(row):
        back = Edits.from_column(frame["edits"]).inverse()
        edited = np.isin(row, back.text)
        start[edited], end[edited] = (
            back.starts(row[edited], start[edited]),
            back.ends(row[edited], end[edited]),
        )
    begins, begins_paragraph = _sentences(words, row, gap, settings)

    first_words = np.flatnonzero(begins)
    first_sentences = np.flatnonzero(begins_paragraph[first_words])
    sentence_row = row[first_words]
    rows = frame.height
    counts = np.bincount(row, minlength=rows)
    tokens = frame.drop("text", "edits", strict=False).with_columns(
        ragged("words", words, counts),
        ragged("start", _int32(start), counts),
        ragged("end", _int32(end), counts),
        ragged(
            "sentence", _int32(_spread(first_words, len(words))), np.bincount(sentence_row, minlength=rows)
        ),
        ragged(
            "paragraph",
            _int32(_spread(first_sentences, len(first_words))),
            np.bincount(sentence_row[first_sentences], minlength=rows),
        ),
    )
    return split_rejected(frame, tokens, {NO_WORDS: pl.Series(counts == 0)})


def _int32(values: Array) -> pl.Series:
    return pl.Series(values.astype(np.int32))


def _spread(starts: Array, total: int) -> Array:
    """The lengths of the groups that begin at `starts` and tile `total`."""
    return np.diff(np.append(starts, total))


def _words(texts: pl.Series) -> tuple[Array, pl.Series, Array, Array, Array]:
    """All words, flat: their text's row, themselves, start, end, and what stands before each."""
    lists = texts.str.extract_all(_PIECE)
    counts = lengths(lists)
    pieces = flat(lists)
    row = owners(counts)
    size = pieces.str.len_chars().to_numpy().astype(np.int64)
    tile = offsets(size)
    words = pieces.str.strip_chars_end()
    width = words.str.len_chars().to_numpy().astype(np.int64)

    after = np.where(size > width, _BLANK, _NOTHING)
    blank = np.flatnonzero(width == 0)
    line_breaks = pieces.gather(blank).str.count_matches("\n", literal=True).to_numpy()
    after[blank] = np.select([line_breaks > 1, line_breaks == 1], [_EMPTY_LINE, _LINE_BREAK], _BLANK)
    before = np.append(_NOTHING, after)[: len(after)]

    keep = np.flatnonzero(width > 0)
    row, before, width, words = row[keep], before[keep], width[keep], words.gather(keep)
    start = tile[keep] - tile[offsets(counts)[row]]
    row, words, start, width, before = _cut_han(row, words, start, width, before)
    return row, words, start, start + width, before


def _cut_han(
    row: Array, words: pl.Series, start: Array, width: Array, before: Array
) -> tuple[Array, pl.Series, Array, Array, Array]:
    is_han = words.str.contains(_HAN).to_numpy()
    if not is_han.any():
        return row, words, start, width, before
    cut, counts_of_runs = cut_han_runs(words.filter(is_han))
    counts = np.ones(len(words), dtype=np.int64)
    counts[is_han] = counts_of_runs
    of = owners(counts)
    source = of.copy()
    source[is_han[of]] = len(words) + np.arange(len(cut))
    words = pl.concat([words, cut]).gather(source)
    width = words.str.len_chars().to_numpy().astype(np.int64)
    place = ranges(counts)
    total = offsets(width)[:-1]
    start = start[of] + total - total[offsets(counts)[:-1]][of]
    return row[of], words, start, width, np.where(place == 0, before[of], _NOTHING)


def cut_han_runs(runs: pl.Series) -> tuple[pl.Series, Array]:
    """The words of runs of Han characters, flat, and how many each run has.

    One call of jieba for all: a line break between two runs keeps them apart, for jieba cuts each line by
    itself.
    """
    cut = pl.Series(runs.name, rjieba.cut("\n".join(runs.to_list())), dtype=pl.String)
    cut = cut.filter(cut != "\n")
    bounds = np.cumsum(cut.str.len_chars().to_numpy().astype(np.int64))
    wanted = np.cumsum(runs.str.len_chars().to_numpy().astype(np.int64))
    last = np.searchsorted(bounds, wanted)
    assert np.array_equal(bounds[last], wanted), "jieba's words do not tile their runs"
    return cut, np.diff(np.append(-1, last))


def _sentences(
    words: pl.Series, row: Array, gap: Array, settings: SegmentationSettings
) -> tuple[Flags, Flags]:
    """Which words begin a sentence, and which of them a paragraph."""
    begins_text = np.ones(len(row), dtype=bool)
    begins_text[1:] = row[1:] != row[:-1]
    gap = np.where(begins_text, _EMPTY_LINE, gap)
    paragraph = gap >= (_LINE_BREAK if settings.paragraph == "line" else _EMPTY_LINE)
    begins = paragraph.copy()  # in hard-wrapped text (blank_line) a line break ends nothing
    begins[1:] |= _ends_sentence(words, gap)[:-1]
    # A sentence that is too long is cut.
    starts = np.flatnonzero(begins)
    place = ranges(_spread(starts, len(row)))
    begins |= place % settings.max_sentence_words == 0
    return begins, paragraph


def _ends_sentence(words: pl.Series, gap: Array) -> Flags:
    """Whether a sentence ends after each word. `gap`: what stands before a word."""
    code, types = factorize(words)
    lower = types.str.to_lowercase()

    def is_a(pattern: str) -> Flags:
        return types.str.contains(pattern).to_numpy()[code]

    closes, strong, soft = is_a(_CLOSES), is_a(_STRONG_STOP), is_a(_SOFT_STOP)
    at = np.arange(len(code))
    # Closing marks that follow a stop without a blank belong to it: the last word that is none of them is the
    # stop.
    other = ~closes | (gap > _NOTHING)
    stop = np.maximum.accumulate(np.where(other, at, 0))
    stopped = (strong | soft)[stop]

    following = np.minimum(at + 1, max(len(at) - 1, 0))
    goes_on = stopped[following] & (gap[following] == _NOTHING)
    may_begin = (is_a(_MAY_BEGIN)[following] & (gap[following] > _NOTHING)) | is_a(_HAN)[following]

    before = np.maximum(stop - 1, 0)
    abbreviation = (lower.is_in(_ABBREVIATIONS) | types.str.contains(_INITIAL)).to_numpy()[code][before]
    before_number = lower.is_in(_BEFORE_NUMBERS).to_numpy()[code][before] & is_a(r"^\p{N}")[following]
    dot = (types == ".").to_numpy()[code][stop] & (gap[stop] == _NOTHING)
    return stopped & ~goes_on & (strong[stop] | (may_begin & ~(dot & (abbreviation | before_number))))
