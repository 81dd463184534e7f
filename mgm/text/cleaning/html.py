"""Cleaning step `html`: pages and fragments of HTML become the text that a reader sees.

A page is parsed by lexbor (selectolax) and serialized as well-formed markup, which is rendered piece by piece: scripts, styles, the
head and comments are dropped; a block element begins and ends with an empty line; a br, and the border of items or rows, is a line
break (two br in a row: an empty line); the border of a table's cells is a blank; line breaks of the source are blanks, except within
pre; entities become the characters that they stand for.

The parser gives no positions, so they are recovered: the raw text is cut into the same pieces, its markup is dropped and its entities
are decoded, which moves offsets in a known way. The result differs from the rendered text only in blanks, unless the page is badly
broken, so that the other characters correspond one to one. Where they do not (text between the cells of a table, for example), these
characters of both texts are aligned (rapidfuzz). Either way, letters of tags are never taken for letters of the text.
"""

import html

import numpy as np
import polars as pl
from rapidfuzz.distance import Levenshtein
from selectolax.lexbor import LexborHTMLParser

from mgm.text.cleaning.rewrite import Rewritten, is_member, membership_table, replace_rows
from mgm.text.list_columns import (
    Array,
    code_points,
    decode_code_points,
    factorize,
    flatten,
    lengths,
    local_index,
    num_characters,
    offsets,
    row_ids,
    unflatten,
)
from mgm.text.offsets import Edits, compose

_DROPPED = "script style head title template noscript svg iframe noembed noframes".split()
_BLOCKS = """
    address article aside blockquote body center details dialog div dl fieldset figcaption figure footer form
    h1 h2 h3 h4 h5 h6 header hgroup hr html legend main menu nav ol p pre search section summary table tbody tfoot
    thead ul caption
""".split()
_LINES = "li tr dt dd option optgroup".split()
_CELLS = ["td", "th"]

# A tag or quoted value that is cut off ends with the page.
_TAG = r"""</?[a-z](?:[^>"']|"[^"]*(?:"|\z)|'[^']*(?:'|\z))*(?:>|\z)"""
_ENTITY = r"&(?:#[0-9]+|#x[0-9a-f]+|[a-z][a-z0-9]*);?"
_ATTRIBUTES = r"(?:[\s/][^>]*)?"
# Of these elements only svg can close itself: HTML ignores the slash of <script/>.
_OPENS = {name: name + _ATTRIBUTES for name in _DROPPED} | {"svg": r"svg(?:\s(?:[^>]*[^/>])?)?"}
# A head that is not closed ends at the body; the others end with the page.
_CLOSES = {name: rf"</{name}\s*>|\z" for name in _DROPPED} | {"head": r"</head\s*>"}
_WITHOUT_CONTENT = "|".join(rf"<{_OPENS[name]}>.*?(?:{_CLOSES[name]})" for name in _DROPPED)
_MARKUP = rf"<!--.*?(?:-->|\z)|{_WITHOUT_CONTENT}|{_TAG}|<[!?/][^>]*(?:>|\z)"
_PIECE = rf"(?is){_MARKUP}|{_ENTITY}|[^<&]+|[<&]"
_IS_MARKUP = r"(?i)^<[a-z!?/]"
_IS_ENTITY = rf"(?i)^{_ENTITY}$"
_NAME = r"(?i)^</?([a-z][a-z0-9]*)"

# Breaks, until all pieces are joined: control characters that HTML does not allow.
_BREAK, _LINE, _BLOCK = _MARKS = "\x1c\x1d\x1e"
_EMPTY_LINE = rf"[{_MARKS} ]*{_BLOCK}[{_MARKS} ]*|[{_LINE} ]*{_BREAK}[{_LINE} ]*{_BREAK}[{_MARKS} ]*"
_LINE_BREAK = rf" *[{_BREAK}{_LINE}][{_BREAK}{_LINE} ]*"
_IS_BLANK = membership_table([0x09, 0x0A, 0x0C, 0x0D, 0x20, *map(ord, _MARKS)])
_BLANKS = r"[\t\n\f\r ]+"


def extract_text(texts: pl.Series) -> Rewritten:
    """Return the text of pages or fragments of HTML."""
    rows = np.flatnonzero(texts.str.contains(rf"[<&{_MARKS}\t\n\f\r]|  |^ | $").to_numpy())
    if len(rows) == 0:
        return texts, Edits.none()
    raw = texts.gather(rows)
    rendered = _render(pl.Series([LexborHTMLParser(page).html or "" for page in raw], dtype=pl.String))
    without_markup, markup_edits = _strip_markup(raw)
    edits = compose(markup_edits, _align(without_markup, rendered))
    return replace_rows(texts, rows, changed=rendered), edits.move_to_rows(rows)


def _pieces(pages: pl.Series) -> tuple[pl.Series, Array]:
    """Cut pages into markup, entities and the text between them; return all pieces and the number of pieces of each page."""
    pieces = pages.str.extract_all(_PIECE)
    return flatten(pieces).alias("piece"), lengths(pieces)


def _decode_entities(entities: pl.Series) -> pl.Series:
    code, distinct = factorize(entities)
    return pl.Series([_decode_entity(entity) for entity in distinct], dtype=pl.String).gather(code)


def _decode_entity(entity: str) -> str:
    """Return what a reader's program shows: control characters and noncharacters, which html.unescape drops, too."""
    number = entity.strip("&#;")
    return html.unescape(entity) or chr(int(number[1:], 16) if number[0] in "xX" else int(number))


def _join_pieces(pieces: pl.Series, counts: Array) -> pl.Series:
    return unflatten(pieces, counts, name="text").list.join("")


def _render(pages: pl.Series) -> pl.Series:
    """Return the text that a reader sees of well-formed pages."""
    pieces, counts = _pieces(pages)
    markup = pieces.str.contains(_IS_MARKUP)
    name = pl.Series("name", pl.select(pl.when(markup).then(pieces)).to_series()).str.extract(_NAME)
    name = name.str.to_lowercase().fill_null("")
    is_pre = (name == "pre").to_numpy()
    closes = pieces.str.starts_with("</").to_numpy()
    # Markup that the parser serialized is balanced, so that each page begins and ends outside of pre.
    in_pre = pl.Series(np.cumsum(np.where(is_pre, np.where(closes, -1, 1), 0)) > 0)
    entity = pieces.str.contains(_IS_ENTITY)
    frame = pl.DataFrame(
        {"piece": pieces, "name": name, "markup": markup, "in_pre": in_pre, "entity": entity}
    )
    break_kept = pl.col("piece").str.replace_all("\n", _BREAK, literal=True)
    text = (
        pl.when(pl.col("name").is_in(_BLOCKS))
        .then(pl.lit(_BLOCK))
        .when(pl.col("name").is_in(_LINES))
        .then(pl.lit(_LINE))
        .when(pl.col("name") == "br")
        .then(pl.lit(_BREAK))
        .when(pl.col("name").is_in(_CELLS))
        .then(pl.lit(" "))
        .when("markup")
        .then(pl.lit(""))
        .when("in_pre")
        .then(break_kept)
        .otherwise("piece")
    )
    texts = frame.select(text.alias("piece"))["piece"]
    at = np.flatnonzero(entity.to_numpy())
    if len(at):
        texts = replace_rows(texts, at, changed=_decode_entities(pieces.gather(at)))
    return (
        _join_pieces(texts, counts)
        .str.replace_all(_BLANKS, " ")
        .str.replace_all(_EMPTY_LINE, "\n\n")
        .str.replace_all(_LINE_BREAK, "\n")
        .str.strip_chars(" \n")
    )


def _strip_markup(raw: pl.Series) -> tuple[pl.Series, Edits]:
    """Return raw pages without their markup and with decoded entities, and the edits that lead there."""
    pieces, counts = _pieces(raw)
    markup, entity = pieces.str.contains(_IS_MARKUP), pieces.str.contains(_IS_ENTITY)
    kept = pl.DataFrame({"piece": pieces, "markup": markup}).select(
        pl.when("markup").then(pl.lit("")).otherwise("piece").alias("piece")
    )["piece"]
    at = np.flatnonzero(entity.to_numpy())
    if len(at):
        kept = replace_rows(kept, at, changed=_decode_entities(pieces.gather(at)))
    before, after = offsets(num_characters(pieces)), offsets(num_characters(kept))
    row, first = row_ids(counts), offsets(counts)[:-1]
    changed = np.flatnonzero((markup | entity).to_numpy())
    page = row[changed]
    base, target = before[first[page]], after[first[page]]
    edits = Edits.of(
        page,
        before[changed] - base,
        before[changed + 1] - base,
        after[changed] - target,
        after[changed + 1] - target,
    )
    return _join_pieces(kept, counts), edits


def _align(old: pl.Series, new: pl.Series) -> Edits:
    """Return the edits between texts that are expected to differ only in blanks."""
    before, after = _VisibleCharacters(old), _VisibleCharacters(new)
    same = before.counts == after.counts
    if same.all() and np.array_equal(before.points[before.at], after.points[after.at]):
        return _edits_between(before, after, matches=(before.at, after.at))
    old_at, new_at = before.at[same[before.row]], after.at[same[after.row]]
    same[before.row_of_point[old_at[before.points[old_at] != after.points[new_at]]]] = False
    matched = _match_characters(before, after, rows=np.flatnonzero(~same))
    old_at = np.concatenate([before.at[same[before.row]], matched[0]])
    new_at = np.concatenate([after.at[same[after.row]], matched[1]])
    order = np.argsort(old_at)
    return _edits_between(before, after, matches=(old_at[order], new_at[order]))


class _VisibleCharacters:
    """The characters of texts that are no blanks: their places `at` among all characters, and the row of each, both (n,)."""

    def __init__(self, texts: pl.Series) -> None:
        self.points = code_points(texts)
        size = num_characters(texts)
        self.begin = offsets(size)
        self.row_of_point = row_ids(size)
        is_visible = ~is_member(_IS_BLANK, self.points)
        self.at = np.flatnonzero(is_visible)
        self.row = self.row_of_point[self.at]
        self.counts = np.bincount(self.row, minlength=len(texts))


def _match_characters(
    before: _VisibleCharacters, after: _VisibleCharacters, *, rows: Array
) -> tuple[Array, Array]:
    """Return the places of the characters of some texts that correspond, by a shortest alignment without blanks (rapidfuzz)."""
    visible = [
        decode_code_points(side.points[side.at], side.counts).gather(rows).to_list()
        for side in (before, after)
    ]
    blocks = [
        (row, block.a, block.b, block.size)
        for row, old, new in zip(rows.tolist(), *visible, strict=True)
        for block in Levenshtein.editops(old, new).as_matching_blocks()
    ]
    row, old_first, new_first, size = np.array(blocks, dtype=np.int64).reshape(-1, 4).T
    place = local_index(size)
    return (
        before.at[np.repeat(offsets(before.counts)[row] + old_first, size) + place],
        after.at[np.repeat(offsets(after.counts)[row] + new_first, size) + place],
    )


def _edits_between(
    before: _VisibleCharacters, after: _VisibleCharacters, *, matches: tuple[Array, Array]
) -> Edits:
    """Return the edits between the characters that correspond, whose places are `matches`, both (n,)."""
    # The gaps of a text run from its beginning, or the end of a match, to the next match, or the end of the text.
    row, rows = before.row_of_point[matches[0]], np.arange(len(before.counts))
    opens = np.argsort(np.concatenate([rows, row]), kind="stable")
    closes = np.argsort(np.concatenate([row, rows]), kind="stable")
    text = np.concatenate([rows, row])[opens]
    bounds, moved = [], np.zeros(len(text), dtype=bool)
    all_match = len(row) == len(before.at) == len(after.at)
    for at, side in zip(matches, (before, after), strict=True):
        start = np.concatenate([side.begin[rows], at + 1])[opens]
        end = np.concatenate([at, side.begin[rows + 1]])[closes]
        if not all_match:
            moved |= np.searchsorted(side.at, end) > np.searchsorted(side.at, start)
        bounds += [start - side.begin[text], end - side.begin[text]]
    old_start, old_end, new_start, new_end = bounds
    # Blanks that replace equally many blanks move no offset.
    moved |= old_end - old_start != new_end - new_start
    return Edits(text, old_start, old_end, new_start, new_end).filter(moved)
