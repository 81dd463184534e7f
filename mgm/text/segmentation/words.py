"""Texts to words with offsets.

One regular expression cuts a text into pieces; runs of Han characters are then cut into words by jieba (rjieba), or into characters, so
that mixed text is cut run by run, and so are runs of Thai and scripts like it (mgm/text/segmentation/southeast_asian.py). A word is:

- a placeholder of cleaning, such as <URL>;
- letters, digits and underscores, with apostrophes and hyphens inside: don't, well-known, x86_64, 2024-05-01,
  libstdc++;
- a number with its separators: 3.14, 1,000, 12:30; letters are not joined by dots: file.txt is three words;
- letters each with a dot: U.S., e.g.; C#; @mention and #tag; a few emoticons;
- a run of the same mark (!!!, ..., --, 。。。); an emoji with its modifiers, tags and joined emoji, a flag, a keycap; any other
  character that is neither a blank nor invisible, with its combining marks.

A joiner belongs to the word that it stands in. Other invisible characters, which cleaning drops, are gaps as blanks are.

Each distinct piece is processed once, and its words are copied to all its occurrences.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Literal

import numpy as np
import polars as pl

from mgm.native import load_kernels
from mgm.settings.text import SegmentationSettings
from mgm.text.characters import EMOJI, EMOJI_MARKS, INVISIBLE, JOINERS, SOUTHEAST_ASIAN, TAG_END, TAGS, ZWJ
from mgm.text.dictionary import UserDictionary
from mgm.text.list_columns import (
    Array,
    Flags,
    factorize,
    flatten,
    lengths,
    local_index,
    num_characters,
    offsets,
    row_ids,
)
from mgm.text.patterns import EMOTICON, PLACEHOLDERS
from mgm.text.segmentation.pieces import Pieces, find_pieces
from mgm.text.segmentation.southeast_asian import IS_RUN, RUN, choose_tokens, cut_southeast_asian_runs

_OTHERS = rf"[\p{{Han}}[{SOUTHEAST_ASIAN}]\x{{2139}}]"  # the last is a letter, and an emoji
_L = rf"[\p{{L}}--{_OTHERS}]"
# Joiners are letters here, since an expression that lets no word begin with one takes a quarter longer; cleaning leaves none there.
_W = rf"[[\p{{L}}\p{{M}}\p{{N}}_{JOINERS}]--{_OTHERS}]"
_PICTURE = rf"[{EMOJI_MARKS}]*(?:[{TAGS}]+\x{{{TAG_END:X}}})?"
_KEYCAP_MARK = r"\x{FE0F}?\x{20E3}"
_KEYCAP = f"[0-9#*]{_KEYCAP_MARK}"
_WORD = "|".join(
    [
        *PLACEHOLDERS.values(),
        r"\p{Han}+",
        RUN,
        rf"\p{{Nd}}+(?:[.,:/]\p{{Nd}}+)+(?:{_KEYCAP_MARK})?",
        rf"(?:{_L}\.){{2,}}",
        rf"[CFJ]#(?:{_KEYCAP_MARK})?",
        rf"{_W}+(?:['’‐\-]{_W}+)*(?:\+\+)?",
        rf"[@#]{_W}+",
        EMOTICON,
        r"[!?！？]+|\.{2,}|…+|-{2,}|—+|。+|~{2,}",
        r"\p{RI}{2}",
        rf"[^\s{INVISIBLE}]{_PICTURE}(?:\x{{{ZWJ:X}}}{EMOJI}{_PICTURE})*",
    ]
)
_PIECE = rf"(?:{_WORD})[^\S\n]*|[\s{INVISIBLE}]+"
_GAP = rf"^[\s[{INVISIBLE}]--[{JOINERS}]]|^[{JOINERS}]+$"
_HAN = r"^\p{Han}"

# So few that jieba's list of words is still in the processor's cache when it is read.
_RUNS_PER_CALL = 4_096


class Gap(IntEnum):
    """The gap between a word and the one before it, from the least to the greatest."""

    NOTHING = 0
    BLANK = 1
    LINE_BREAK = 2
    EMPTY_LINE = 3


@dataclass(frozen=True, kw_only=True)
class Words:
    """The N words of many texts, one after another: word i is types[code[i]]. Arrays are (N,)."""

    row: Array
    """The row of the word's text."""
    code: Array
    types: pl.Series
    """The types, which may hold a word several times."""
    start: Array
    end: Array
    gap: Array
    """The gap between a word and the one before it."""


def find_words(
    texts: pl.Series, settings: SegmentationSettings, *, dictionary: UserDictionary | None
) -> Words:
    """Return all words of texts, one after another."""
    found = find_pieces(texts)
    if found is None:
        return _words_of(_match_pieces(texts), settings, dictionary=dictionary)
    pieces, known = found
    if not known.all():
        rows = np.flatnonzero(~known)
        matched = _match_pieces(texts.gather(rows))
        pieces = _joined(pieces, matched._replace(row=rows[matched.row]))
    return _words_of(pieces, settings, dictionary=dictionary)


def _joined(first: Pieces, second: Pieces) -> Pieces:
    """Return the pieces of both, which are of different rows."""
    order = np.argsort(np.concatenate([first.row, second.row]), kind="stable")
    code = np.concatenate([first.code, len(first.distinct) + second.code])
    return Pieces(
        np.concatenate([first.row, second.row])[order],
        code[order],
        pl.concat([first.distinct, second.distinct]),
        np.concatenate([first.start, second.start])[order],
        np.concatenate([first.gap, second.gap])[order],
    )


def _match_pieces(texts: pl.Series) -> Pieces:
    """Return the pieces of texts that the expression matches."""
    lists = texts.str.extract_all(_PIECE)
    per_text = lengths(lists)
    piece, pieces = factorize(flatten(lists))
    size = num_characters(pieces)
    bare = pieces.str.strip_chars_end()
    width = num_characters(bare)
    width[bare.str.contains(_GAP).to_numpy()] = 0

    after = np.where(size > width, Gap.BLANK, Gap.NOTHING)
    blank = np.flatnonzero(width == 0)
    line_breaks = pieces.gather(blank).str.count_matches("\n", literal=True).to_numpy()
    after[blank] = np.select([line_breaks > 1, line_breaks == 1], [Gap.EMPTY_LINE, Gap.LINE_BREAK], Gap.BLANK)

    row = row_ids(per_text)
    tile = offsets(size[piece])
    start = tile[:-1] - tile[offsets(per_text)[row]]
    before = np.append(Gap.NOTHING, after[piece])[:-1]
    is_first = np.append(True, row[1:] != row[:-1])[: len(row)]
    before[is_first] = Gap.NOTHING
    spelt = np.flatnonzero(width[piece] > 0)
    return Pieces(row[spelt], piece[spelt].astype(np.int64), bare, start[spelt], before[spelt])


def _words_of(pieces: Pieces, settings: SegmentationSettings, *, dictionary: UserDictionary | None) -> Words:
    """Return the words of pieces, of which some are runs that are cut once more."""
    piece, bare = pieces.code, pieces.distinct
    is_han = bare.str.contains(_HAN).to_numpy()
    rare = np.flatnonzero(bare.str.contains(f"{IS_RUN}|{_KEYCAP}").to_numpy())
    rare_pieces = bare.gather(rare)

    def has(pattern: str) -> Flags:
        flags = np.zeros(len(bare), dtype=bool)
        flags[rare] = rare_pieces.str.contains(pattern).to_numpy()
        return flags

    # The words of each distinct piece: several for those that are cut once more, one for others.
    per_piece = np.ones(len(bare), dtype=np.int64)
    is_plain = ~is_han
    cuts = []
    for chosen, cut_pieces in (
        (is_han, partial(cut_han_runs, chinese_tokens=settings.chinese_tokens, dictionary=dictionary)),
        (has(IS_RUN), partial(_cut_southeast_asian, settings=settings)),
        (has(_KEYCAP), _cut_keycaps),
    ):
        if chosen.any():
            cut, per_piece[chosen] = cut_pieces(bare.filter(chosen))
            cuts.append((chosen, *factorize(cut)))
            is_plain &= ~chosen
    if not cuts:
        end = pieces.start + num_characters(bare)[piece]
        return Words(row=pieces.row, code=piece, types=bare, start=pieces.start, end=end, gap=pieces.gap)
    plain = bare.filter(is_plain)
    types = pl.concat([plain, *(cut_types for _, _, cut_types in cuts)])
    type_width = num_characters(types)
    piece_of_word = row_ids(per_piece)
    code = (np.cumsum(is_plain) - 1)[piece_of_word]
    num_types = len(plain)
    for chosen, inner, cut_types in cuts:
        code[chosen[piece_of_word]] = num_types + inner
        num_types += len(cut_types)
    within = offsets(type_width[code])[:-1]
    first = offsets(per_piece)[:-1]
    within -= within[first[piece_of_word]]  # from the start of the piece

    # The words of all pieces.
    counts = per_piece[piece]
    place = np.repeat(np.arange(len(piece)), counts)
    nth = local_index(counts)
    word = first[piece[place]] + nth
    start = pieces.start[place] + within[word]
    code = code[word]
    return Words(
        row=pieces.row[place],
        code=code,
        types=types,
        start=start,
        end=start + type_width[code],
        gap=np.where(nth == 0, pieces.gap[place], Gap.NOTHING),
    )


def _cut_southeast_asian(runs: pl.Series, settings: SegmentationSettings) -> tuple[pl.Series, Array]:
    return cut_southeast_asian_runs(runs, tokens=choose_tokens(settings.southeast_asian_tokens))


def _cut_keycaps(pieces: pl.Series) -> tuple[pl.Series, Array]:
    """Return keycaps and the words between them: a digit is a letter of a word, unless a keycap follows."""
    keycap = f"[{JOINERS}]*{_KEYCAP}[{JOINERS}]*"
    apart = pieces.str.replace_all(f"({keycap})", "\n$1\n").str.extract_all(f"{keycap}|{_WORD}")
    return flatten(apart), lengths(apart)


def cut_han_runs(
    runs: pl.Series,
    *,
    chinese_tokens: Literal["words", "characters"] = "words",
    dictionary: UserDictionary | None = None,
) -> tuple[pl.Series, Array]:
    """Return the words, or the characters, of runs of Han characters, and the number of those of each run.

    One call of jieba cuts many runs, which are separated by line breaks, since jieba cuts each line on its own.
    """
    run_lengths = num_characters(runs)
    if chinese_tokens == "characters" or len(runs) == 0:
        return flatten(runs.str.extract_all(r"\p{Han}")), run_lengths
    if dictionary is None and (cut_by_kernel := _cut_by_kernel(runs)) is not None:
        return cut_by_kernel
    calls = [runs.slice(i, _RUNS_PER_CALL) for i in range(0, len(runs), _RUNS_PER_CALL)]
    cut = pl.concat(
        [
            pl.Series(runs.name, cut_lines(call.str.join("\n").item(), dictionary), dtype=pl.String)
            for call in calls
        ]
    )
    cut = cut.filter(cut != "\n")
    bounds = np.cumsum(num_characters(cut))
    last = np.searchsorted(bounds, np.cumsum(run_lengths))
    assert np.array_equal(bounds[last], np.cumsum(run_lengths)), "jieba's words are not their runs"
    return cut, np.diff(np.append(-1, last))


def _cut_by_kernel(runs: pl.Series) -> tuple[pl.Series, Array] | None:
    """Return the words of runs, and the number of those of each, without rjieba; None: the kernel is missing or does not know a character."""
    # imported here, since it falls back on this module
    from mgm.text.segmentation.numbered_words import cut_chinese

    return cut_chinese(runs) if load_kernels() is not None else None


def cut_lines(lines: str, dictionary: UserDictionary | None) -> list[str]:
    """Return the words of lines of Han characters by jieba, which cuts each on its own, and the line breaks between them.

    There may be further line breaks between words.
    """
    # imported here, since loading its dictionary takes a quarter of a second, for which English need not wait
    import rjieba

    if dictionary is None:
        return rjieba.cut(lines)
    return dictionary.cut(dictionary.isolate_words(pl.Series([lines])).item())
