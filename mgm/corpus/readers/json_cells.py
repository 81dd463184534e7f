"""Cells of CSV that hold lists: JSON, Python's way of writing it, or labels with a separator between them."""

import ast

import polars as pl
import pyarrow as pa

from mgm.corpus.readers.dialect import Dialect
from mgm.corpus.readers.input_files import InputFile
from mgm.corpus.readers.json_values import JsonError, loads, parse_lines, shown, typed_value
from mgm.corpus.readers.types import arrow_type

_CELL = "cell"


def decode_cells(
    cells: pl.Series, dtype: pl.DataType, *, file: InputFile, first: int, dialect: Dialect
) -> pl.Series:
    """Return the lists of cells.

    Args:
        cells: the cells; null: no list.
        dtype: the type of the lists.
        file: the file that errors name.
        first: the number of the first row in the file.
        dialect: how lists of labels are written.

    Raises:
        ValueError: a cell without such a list; names its row.
    """
    is_labels = dtype == pl.List(pl.String)
    if dialect.list_separator and is_labels:
        labels = cells.str.split(dialect.list_separator).list.eval(pl.element().str.strip_chars())
        return labels.list.eval(pl.element().filter(pl.element() != ""))
    begin, between = f'{{"{_CELL}":', "}\n" + f'{{"{_CELL}":'
    lines = begin + cells.fill_null("null").str.join(between)[0] + "}"
    try:
        table = parse_lines(lines.encode(), {_CELL: arrow_type(dtype)})
        if table.num_rows == len(cells):
            return pl.DataFrame(pl.from_arrow(table)).to_series().alias(cells.name).cast(dtype)
    except pa.ArrowInvalid:
        pass  # some cell needs a closer look
    values = []
    for row, cell in enumerate(cells, first):
        try:
            values.append(None if cell is None else typed_value(_value(cell), dtype, is_loose=True))
        except JsonError as error:
            example = '["a", "b"]' if is_labels else '[{"start": 0, "end": 4, "label": "a"}]'
            hint = f" ({dialect.setting('list_separator')} reads a;b)" if is_labels else ""
            raise ValueError(
                f"{file}: row {row}, column {cells.name!r}: value {shown(cell)}, expected a list written as JSON, such as {example}{hint}"
            ) from error
    return pl.Series(cells.name, values, dtype=dtype)


def _value(cell: str) -> object:
    try:
        return loads(cell)
    except JsonError:
        try:
            return ast.literal_eval(cell.strip())  # a list of a data frame as its library writes it
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            pass
        raise
