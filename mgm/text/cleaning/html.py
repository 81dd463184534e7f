"""Cleaning step `html`: pages and fragments of HTML become the text that a reader sees.

A page is parsed by lexbor (selectolax) and serialized as well-formed markup, which is rendered piece by piece: scripts, styles, the
head and comments are dropped; a block element begins and ends with an empty line; a br, and the border of items or rows, is a line
break (two br in a row: an empty line); the border of a table's cells is a blank; line breaks of the source are blanks, except within
pre; entities become the characters that they stand for.

The parser gives no positions, so they are recovered: the raw text is cut into the same pieces, its markup is dropped and its entities
are decoded, which moves offsets in a known way. The result differs from the rendered text only in blanks, unless the page is badly
broken, so that the other characters correspond one to one. Where they do not (text between the cells of a table, for example), both
texts are aligned (rapidfuzz). Either way, letters of tags are never taken for letters of the text. An entity directly beside a tag
shares the tag's edit.
"""

import html

import numpy as np
import polars as pl
from selectolax.lexbor import LexborHTMLParser

from mgm.text.cleaning.rewrite import Rewritten, is_member, membership_table, replace_rows
from mgm.text.list_columns import (
    Array,
    code_points,
    factorize,
    flatten,
    lengths,
    num_characters,
    offsets,
    row_ids,
    unflatten,
)
from mgm.text.offsets import Edits, align, compose

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
    return pl.Series([html.unescape(entity) for entity in distinct], dtype=pl.String).gather(code)


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
    old_size, new_size = num_characters(old), num_characters(new)
    old_points, new_points = code_points(old), code_points(new)
    old_at = np.flatnonzero(~is_member(_IS_BLANK, old_points))
    new_at = np.flatnonzero(~is_member(_IS_BLANK, new_points))
    old_row, new_row = row_ids(old_size)[old_at], row_ids(new_size)[new_at]
    rows = len(old)
    old_count, new_count = np.bincount(old_row, minlength=rows), np.bincount(new_row, minlength=rows)
    same = old_count == new_count
    old_in, new_in = same[old_row], same[new_row]
    old_at, new_at, row = old_at[old_in], new_at[new_in], old_row[old_in]
    same[row[old_points[old_at] != new_points[new_at]]] = False
    keep = same[row]
    old_at, new_at, row = old_at[keep], new_at[keep], row[keep]

    rest = np.flatnonzero(~same)
    rough = align(list(zip(old.gather(rest), new.gather(rest), strict=True))).move_to_rows(rest)
    exact = _edits_between((old_at, new_at), row, np.flatnonzero(same), (old_size, new_size))
    return Edits.union(exact, rough)


def _edits_between(
    matches: tuple[Array, Array], row: Array, rows: Array, sizes: tuple[Array, Array]
) -> Edits:
    """Return the edits between the characters that correspond one to one.

    Args:
        matches: the positions of corresponding characters in all old texts and in all new ones, both (n,).
        row: the text of each pair of characters, (n,).
        rows: the texts, ascending.
        sizes: the lengths of all old texts and of all new ones.
    """
    # The gaps of a text run from its beginning, or the end of a match, to the next match, or the end of the text.
    opens = np.argsort(np.concatenate([rows, row]), kind="stable")
    closes = np.argsort(np.concatenate([row, rows]), kind="stable")
    text = np.concatenate([rows, row])[opens]
    bounds = []
    for at, size in zip(matches, sizes, strict=True):
        begin = offsets(size)
        bounds.append(np.concatenate([begin[rows], at + 1])[opens] - begin[text])
        bounds.append(np.concatenate([at, begin[rows + 1]])[closes] - begin[text])
    old_start, old_end, new_start, new_end = bounds
    # Blanks that replace equally many blanks move no offset.
    moved = old_end - old_start != new_end - new_start
    return Edits(text, old_start, old_end, new_start, new_end).filter(moved)
