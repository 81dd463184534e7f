"""Cleaning step `mojibake`: text that was decoded with the wrong encoding is put right (ftfy).

Only the encoding is repaired: quotes, widths, ligatures, line breaks and entities stay as they are. ftfy works
line by line, and leaves a line alone in which its heuristic of badness finds nothing. The same heuristic, as
a regular expression of Polars, selects the lines that are handed to it.
"""

import re

import ftfy
import numpy as np
import polars as pl
from ftfy.badness import BADNESS_RE

from mgm.text.cleaning.rewrite import Flags, Rewritten, replace_rows
from mgm.text.list_columns import (
    Array,
    code_points,
    flatten,
    lengths,
    local_index,
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
_WIDER = {r"\w": "(?s:.)", r"\s": r"[\s\x1c-\x1f]"}  # what Python means by these, or more


def _prefilter() -> str:
    """ftfy's heuristic in the dialect of Rust's regex crate; it finds all that ftfy finds, and little more.

    In Rust's verbose mode blanks are ignored within classes too, so that blanks and comments are left out here.
    """
    tokens = []
    for token in _TOKEN.findall(BADNESS_RE.pattern):
        if token[0].isspace() or token[0] == "#":
            continue
        if token[0] == "[":
            # & ~ [ mean something in a Rust class; in Python's they are characters.
            token = "[" + re.sub(r"(?<!\\)[&~\[]", r"\\\g<0>", token[1:-1]) + "]"
        tokens.append(_WIDER.get(token, token))
    return "(?m)" + "".join(tokens)


SUSPICIOUS = _prefilter()
"""Matches every text in which ftfy would change anything."""


def fix_text(text: str) -> str:
    """A text with its encoding repaired by ftfy."""
    return ftfy.fix_text(text, _ENCODING_ONLY)


def repair_encoding(texts: pl.Series) -> Rewritten:
    """Repairs the encoding where it looks broken."""
    rows = np.flatnonzero(texts.str.contains(SUSPICIOUS).to_numpy())
    if len(rows) == 0:
        return texts, Edits.none()
    lines_of = texts.gather(rows).str.split("\n")
    counts = lengths(lines_of)
    lines, owner = flatten(lines_of), row_ids(counts)
    bad = np.flatnonzero(lines.str.contains(SUSPICIOUS).to_numpy())
    old = lines.gather(bad)
    new = pl.Series([fix_text(line) for line in old], dtype=pl.String)
    changed = (new != old).to_numpy()
    if not changed.any():
        return texts, Edits.none()
    bad, old, new = bad[changed], old.filter(changed), new.filter(changed)
    fixed = replace_rows(lines, bad, new)
    edits = _edits(old, new)

    # From offsets within lines to offsets within texts.
    line, row = bad[edits.text], owner[bad[edits.text]]
    before, after = _line_starts(lines, counts)[line], _line_starts(fixed, counts)[line]
    moved = Edits.of(
        rows[row],
        edits.old_start + before,
        edits.old_end + before,
        edits.new_start + after,
        edits.new_end + after,
    )
    touched = np.unique(owner[bad])
    mine = pl.Series(np.isin(owner, touched))
    repaired = (
        pl.DataFrame({"row": owner, "line": fixed})
        .filter(mine)
        .group_by("row", maintain_order=True)
        .agg(pl.col("line").str.join("\n"))["line"]
    )
    return replace_rows(texts, rows[touched], repaired), moved


def _line_starts(lines: pl.Series, counts: Array) -> Array:
    """The offset of each line within its text, line breaks counted."""
    size = lines.str.len_chars().to_numpy().astype(np.int64) + 1
    begin = offsets(size)[:-1]
    return begin - np.repeat(begin[offsets(counts)[:-1]], counts)


def _edits(old: pl.Series, new: pl.Series) -> Edits:
    """What became of what, line by line.

    Where a line was decoded anew as a whole, each character came from as many old ones as it has bytes in
    UTF-8, so that its place is known exactly. Other lines are aligned; the same rule then splits their edits
    where the numbers agree.
    """
    line = np.arange(len(old))
    exact, fits = _by_bytes(Edits(line, 0 * line, _sizes(old), 0 * line, _sizes(new)), old, new)
    rest = np.flatnonzero(~fits)
    rough = align(list(zip(old.gather(rest), new.gather(rest), strict=True))).renumber(rest)
    split, fits = _by_bytes(rough, old, new)
    return Edits.joined(exact, split, rough.choose(~fits))


def _by_bytes(edits: Edits, old: pl.Series, new: pl.Series) -> tuple[Edits, Flags]:
    """Cuts edits into one for each new character, those of ASCII left out.

    Returns:
        The cut edits; and which ones could be cut: those with as many old characters as the new ones have
        bytes, ASCII standing where it stood.
    """
    counts = edits.new_end - edits.new_start
    of, nth = row_ids(counts), local_index(counts)
    before, after = code_points(old), code_points(new)
    at = (offsets(_sizes(new))[edits.text] + edits.new_start)[of] + nth
    width = utf8_width(after[at])
    bytes_before = offsets(width)
    place = bytes_before[:-1] - bytes_before[offsets(counts)[:-1]][of]
    total = np.diff(bytes_before[offsets(counts)])
    fits = (total == edits.old_end - edits.old_start) & (counts > 0)

    ascii_at = np.flatnonzero(fits[of] & (width == 1))
    source = (offsets(_sizes(old))[edits.text] + edits.old_start)[of] + place
    fits[of[ascii_at][before[source[ascii_at]] != after[at[ascii_at]]]] = False

    cut = fits[of] & (width > 1)
    of, nth, place, width = of[cut], nth[cut], place[cut], width[cut]
    start, target = edits.old_start[of] + place, edits.new_start[of] + nth
    return Edits(edits.text[of], start, start + width, target, target + 1), fits


def _sizes(texts: pl.Series) -> Array:
    return texts.str.len_chars().to_numpy().astype(np.int64)
