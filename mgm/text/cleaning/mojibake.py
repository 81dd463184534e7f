"""Cleaning step `mojibake`: text that was decoded with the wrong encoding is repaired (ftfy).

Only the encoding is repaired: quotes, widths, ligatures, line breaks and entities stay as they are. ftfy works line by line, and does
not change a line in which its badness heuristic matches nothing. The same heuristic, as a regular expression for Polars, selects the
lines that ftfy is called for.
"""

import re

import ftfy
import numpy as np
import polars as pl
from ftfy.badness import BADNESS_RE

from mgm.text.cleaning.rewrite import Rewritten, replace_rows
from mgm.text.list_columns import (
    Array,
    Flags,
    code_points,
    flatten,
    lengths,
    local_index,
    num_characters,
    offsets,
    row_ids,
    utf8_width,
)
from mgm.text.offsets import Edits, align

_ENCODING_ONLY = ftfy.TextFixerConfig(
    unescape_html=False,
    remove_terminal_escapes=False,
    fix_encoding=True,
    restore_byte_a0=True,
    replace_lossy_sequences=True,
    decode_inconsistent_utf8=True,
    fix_c1_controls=True,
    fix_latin_ligatures=False,
    fix_character_width=False,
    uncurl_quotes=False,
    fix_line_breaks=False,
    fix_surrogates=False,
    remove_control_chars=False,
    normalization=None,
    explain=False,
)

_TOKEN = re.compile(r"#[^\n]*|\s+|\[(?:\\.|[^\]\\])*\]|\\.|.", re.S)
# Classes that match in Rust at least the characters that they match in Python.
_WIDER = {r"\w": "(?s:.)", r"\s": r"[\s\x1c-\x1f]"}


def _prefilter() -> str:
    """Return ftfy's heuristic in the syntax of Rust's regex crate; it matches all that ftfy's own does, and little more.

    Rust's verbose mode ignores blanks within classes too, so that blanks and comments are removed here instead.
    """
    tokens = []
    for token in _TOKEN.findall(BADNESS_RE.pattern):
        if token[0].isspace() or token[0] == "#":
            continue
        if token[0] == "[":
            # & ~ and [ are operators in a class of Rust's, and plain characters in one of Python's.
            token = "[" + re.sub(r"(?<!\\)[&~\[]", r"\\\g<0>", token[1:-1]) + "]"
        tokens.append(_WIDER.get(token, token))
    return "(?m)" + "".join(tokens)


SUSPICIOUS = _prefilter()
"""Matches every text that ftfy would change."""


# A "next line" (NEL) is an ellipsis for ftfy, as in Windows-1252. It is a line break, unless it is a byte of a character in UTF-8 or
# the line has other such controls.
_NEL = "\x85"
_OTHER_CONTROL = re.compile(r"[\x80-\x84\x86-\x9f]")
_UTF8_OR_NEL = re.compile(
    r"([\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})|" + _NEL
)


def fix_text(text: str) -> str:
    """Return a text with its encoding repaired by ftfy, line by line."""
    return "\n".join(_fix_line(line) for line in text.split("\n"))


def _fix_line(line: str) -> str:
    if _NEL not in line or _OTHER_CONTROL.search(_UTF8_OR_NEL.sub("", line)):
        return ftfy.fix_text(line, _ENCODING_ONLY)
    # ftfy changes no break between lines
    lines = _UTF8_OR_NEL.sub(lambda match: match[1] or "\n", line)
    return ftfy.fix_text(lines, _ENCODING_ONLY).replace("\n", _NEL)


def repair_encoding(texts: pl.Series) -> Rewritten:
    """Repair the encoding of lines where it looks broken."""
    rows = np.flatnonzero(texts.str.contains(SUSPICIOUS).to_numpy())
    if len(rows) == 0:
        return texts, Edits.none()
    lines_of_texts = texts.gather(rows).str.split("\n")
    counts = lengths(lines_of_texts)
    lines, text_of_line = flatten(lines_of_texts), row_ids(counts)
    bad = np.flatnonzero(lines.str.contains(SUSPICIOUS).to_numpy())
    old = lines.gather(bad)
    new = pl.Series([fix_text(line) for line in old], dtype=pl.String)
    changed = (new != old).to_numpy()
    if not changed.any():
        return texts, Edits.none()
    bad, old, new = bad[changed], old.filter(changed), new.filter(changed)
    fixed = replace_rows(lines, bad, changed=new)
    edits = _edits(old, new)

    # From offsets within lines to offsets within texts.
    line, row = bad[edits.text], text_of_line[bad[edits.text]]
    before, after = _line_starts(lines, counts)[line], _line_starts(fixed, counts)[line]
    moved = Edits.of(
        rows[row],
        edits.old_start + before,
        edits.old_end + before,
        edits.new_start + after,
        edits.new_end + after,
    )
    repaired_rows = np.unique(text_of_line[bad])
    repaired = (
        pl.DataFrame({"row": text_of_line, "line": fixed})
        .filter(pl.Series(np.isin(text_of_line, repaired_rows)))
        .group_by("row", maintain_order=True)
        .agg(pl.col("line").str.join("\n"))["line"]
    )
    return replace_rows(texts, rows[repaired_rows], changed=repaired), moved


def _line_starts(lines: pl.Series, counts: Array) -> Array:
    """Return the offset of each line within its text, line breaks included."""
    size = num_characters(lines) + 1
    begin = offsets(size)[:-1]
    return begin - np.repeat(begin[offsets(counts)[:-1]], counts)


def _edits(old: pl.Series, new: pl.Series) -> Edits:
    """Return the edits of each line.

    If a line was decoded anew as a whole, each new character came from as many old ones as it has bytes in UTF-8, so that its position
    is known exactly. Other lines are aligned; the same rule then splits their edits where the lengths agree.
    """
    line = np.arange(len(old))
    whole_lines = Edits(line, 0 * line, num_characters(old), 0 * line, num_characters(new))
    exact, fits = _split_by_bytes(whole_lines, old, new=new)
    rest = np.flatnonzero(~fits)
    rough = align(list(zip(old.gather(rest), new.gather(rest), strict=True))).move_to_rows(rest)
    split, fits = _split_by_bytes(rough, old, new=new)
    return Edits.union(exact, split, rough.filter(~fits))


def _split_by_bytes(edits: Edits, old: pl.Series, *, new: pl.Series) -> tuple[Edits, Flags]:
    """Split edits into one for each new character that is not ASCII.

    Returns:
        The split edits; and which edits could be split, (E,): those with as many old characters as the new ones have bytes, where each
        ASCII character is at its old position.
    """
    counts = edits.new_end - edits.new_start
    edit, nth = row_ids(counts), local_index(counts)
    before, after = code_points(old), code_points(new)
    at = (offsets(num_characters(new))[edits.text] + edits.new_start)[edit] + nth
    width = utf8_width(after[at])
    bytes_before = offsets(width)
    place = bytes_before[:-1] - bytes_before[offsets(counts)[:-1]][edit]
    total = np.diff(bytes_before[offsets(counts)])
    fits = (total == edits.old_end - edits.old_start) & (counts > 0)

    ascii_at = np.flatnonzero(fits[edit] & (width == 1))
    source = (offsets(num_characters(old))[edits.text] + edits.old_start)[edit] + place
    fits[edit[ascii_at][before[source[ascii_at]] != after[at[ascii_at]]]] = False

    is_new = fits[edit] & (width > 1)
    edit, nth, place, width = edit[is_new], nth[is_new], place[is_new], width[is_new]
    start, target = edits.old_start[edit] + place, edits.new_start[edit] + nth
    return Edits(edits.text[edit], start, start + width, target, target + 1), fits
