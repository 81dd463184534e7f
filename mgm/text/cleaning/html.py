"""Cleaning step `html`: pages and fragments of HTML become the text that a reader sees.

The page is parsed by lexbor (selectolax), written anew as well-formed markup, and that is read piece by piece:
scripts, styles, the head and comments go; where a block element begins or ends there is an empty line, at a
br and between items or rows a line break (at two br in a row an empty line), between the cells of a table a
blank; line breaks of the source are blanks, except within pre; entities are the characters they stand for.

A parser gives no positions. They are found so: the raw text is cut into the same pieces, its markup dropped
and its entities decoded, which moves offsets in a known way; what remains differs from the parser's text only
in blanks, wherever the page is not too broken, so that the characters stand against each other one by one.
Where they do not (a table with stray text in it, say), the two are aligned (rapidfuzz). In both ways letters
of tags are never taken for letters of the text. An entity that stands just beside a tag shares its edit.
"""

import html

import numpy as np
import polars as pl
from selectolax.lexbor import LexborHTMLParser

from mgm.text.cleaning.rewrite import Rewritten, is_member, membership_table, replace_rows
from mgm.text.list_columns import Array, code_points, factorize, flatten, lengths, offsets, row_ids, unflatten
from mgm.text.offsets import Edits, align, compose

_DROPPED = "script style head title template noscript svg iframe noembed noframes".split()
_BLOCKS = """
    address article aside blockquote body center details dialog div dl fieldset figcaption figure footer form
    h1 h2 h3 h4 h5 h6 header hgroup hr html legend main menu nav ol p pre search section summary table tbody tfoot
    thead ul caption
""".split()
_LINES = "li tr dt dd option optgroup".split()
_CELLS = ["td", "th"]

# What is cut off in the middle ends with the page.
_TAG = r"""</?[a-z](?:[^>"']|"[^"]*(?:"|\z)|'[^']*(?:'|\z))*(?:>|\z)"""
_ENTITY = r"&(?:#[0-9]+|#x[0-9a-f]+|[a-z][a-z0-9]*);?"
_ATTRIBUTES = r"(?:[\s/][^>]*)?"
# Of these only svg can close itself: the slash of <script/> means nothing.
_OPENS = {name: name + _ATTRIBUTES for name in _DROPPED} | {"svg": r"svg(?:\s(?:[^>]*[^/>])?)?"}
# A head that is not closed ends at the body; the others end with the page.
_CLOSES = {name: rf"</{name}\s*>|\z" for name in _DROPPED} | {"head": r"</head\s*>"}
_WITHOUT_CONTENT = "|".join(rf"<{_OPENS[name]}>.*?(?:{_CLOSES[name]})" for name in _DROPPED)
_MARKUP = rf"<!--.*?(?:-->|\z)|{_WITHOUT_CONTENT}|{_TAG}|<[!?/][^>]*(?:>|\z)"
_PIECE = rf"(?is){_MARKUP}|{_ENTITY}|[^<&]+|[<&]"
_IS_MARKUP = r"(?i)^<[a-z!?/]"
_IS_ENTITY = rf"(?i)^{_ENTITY}$"
_NAME = r"(?i)^</?([a-z][a-z0-9]*)"

# What stands for breaks until all pieces are put together: control characters that HTML does not allow.
_BREAK, _LINE, _BLOCK = _MARKS = "\x1c\x1d\x1e"
_EMPTY_LINE = rf"[{_MARKS} ]*{_BLOCK}[{_MARKS} ]*|[{_LINE} ]*{_BREAK}[{_LINE} ]*{_BREAK}[{_MARKS} ]*"
_LINE_BREAK = rf" *[{_BREAK}{_LINE}][{_BREAK}{_LINE} ]*"
_IS_BLANK = membership_table([0x09, 0x0A, 0x0C, 0x0D, 0x20, *map(ord, _MARKS)])
_BLANKS = r"[\t\n\f\r ]+"


def extract_text(texts: pl.Series) -> Rewritten:
    """The text of pages or fragments of HTML."""
    rows = np.flatnonzero(texts.str.contains(rf"[<&{_MARKS}\t\n\f\r]|  |^ | $").to_numpy())
    if len(rows) == 0:
        return texts, Edits.none()
    raw = texts.gather(rows)
    shown = _render(pl.Series([LexborHTMLParser(page).html or "" for page in raw], dtype=pl.String))
    bare, dropped = _strip_markup(raw)
    edits = compose(dropped, _align(bare, shown))
    return replace_rows(texts, rows, shown), edits.renumber(rows)


def _pieces(pages: pl.Series) -> tuple[pl.Series, Array]:
    """Markup, entities and text between them, flat, and how many each page has; together they are the page."""
    pieces = pages.str.extract_all(_PIECE)
    return flatten(pieces).alias("piece"), lengths(pieces)


def _decode_entities(entities: pl.Series) -> pl.Series:
    code, distinct = factorize(entities)
    return pl.Series([html.unescape(entity) for entity in distinct], dtype=pl.String).gather(code)


def _join_pieces(pieces: pl.Series, counts: Array) -> pl.Series:
    return unflatten("text", pieces, counts).list.join("")


def _render(pages: pl.Series) -> pl.Series:
    """What a reader sees of well-formed pages."""
    pieces, counts = _pieces(pages)
    markup = pieces.str.contains(_IS_MARKUP)
    name = pl.Series("name", pl.select(pl.when(markup).then(pieces)).to_series()).str.extract(_NAME)
    name = name.str.to_lowercase().fill_null("")
    is_pre = (name == "pre").to_numpy()
    closes = pieces.str.starts_with("</").to_numpy()
    # Pages begin and end outside: markup that the parser wrote is balanced.
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
    made = frame.select(text.alias("piece"))["piece"]
    at = np.flatnonzero(entity.to_numpy())
    if len(at):
        made = replace_rows(made, at, _decode_entities(pieces.gather(at)))
    return (
        _join_pieces(made, counts)
        .str.replace_all(_BLANKS, " ")
        .str.replace_all(_EMPTY_LINE, "\n\n")
        .str.replace_all(_LINE_BREAK, "\n")
        .str.strip_chars(" \n")
    )


def _strip_markup(raw: pl.Series) -> tuple[pl.Series, Edits]:
    """Raw pages without their markup and with decoded entities, and the edits that lead there."""
    pieces, counts = _pieces(raw)
    markup, entity = pieces.str.contains(_IS_MARKUP), pieces.str.contains(_IS_ENTITY)
    kept = pl.DataFrame({"piece": pieces, "markup": markup}).select(
        pl.when("markup").then(pl.lit("")).otherwise("piece").alias("piece")
    )["piece"]
    at = np.flatnonzero(entity.to_numpy())
    if len(at):
        kept = replace_rows(kept, at, _decode_entities(pieces.gather(at)))
    before, after = offsets(_sizes(pieces)), offsets(_sizes(kept))
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
    """The edits between texts that should differ in blanks alone."""
    old_size, new_size = _sizes(old), _sizes(new)
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
    rough = align(list(zip(old.gather(rest), new.gather(rest), strict=True))).renumber(rest)
    exact = _edits_between(old_at, new_at, row, np.flatnonzero(same), old_size, new_size)
    return Edits.joined(exact, rough)


def _edits_between(
    old_at: Array, new_at: Array, row: Array, rows: Array, old_size: Array, new_size: Array
) -> Edits:
    """The edits of texts whose characters at `old_at` and `new_at` stand against each other: what lies between.

    Args:
        old_at, new_at: places in all old and new texts, (n,).
        row: the text of each, (n,).
        rows: the texts, ascending.
        old_size, new_size: the length of every text.
    """
    opens = np.argsort(np.concatenate([rows, row]), kind="stable")  # a text's begin stands before its places,
    closes = np.argsort(np.concatenate([row, rows]), kind="stable")  # its end after them
    text = np.concatenate([rows, row])[opens]
    bounds = []
    for at, size in ((old_at, old_size), (new_at, new_size)):
        begin = offsets(size)
        bounds.append(np.concatenate([begin[rows], at + 1])[opens] - begin[text])
        bounds.append(np.concatenate([at, begin[rows + 1]])[closes] - begin[text])
    old_start, old_end, new_start, new_end = bounds
    # Blanks for as many other blanks move nothing.
    moved = old_end - old_start != new_end - new_start
    return Edits(text, old_start, old_end, new_start, new_end).choose(moved)


def _sizes(texts: pl.Series) -> Array:
    return texts.str.len_chars().to_numpy().astype(np.int64)
