"""List columns as flat values and lengths, the form that numpy and C libraries work on."""

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

Array = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def lengths(lists: pl.Series) -> Array:
    """Return the length of each row's list, 0 for null: (rows,)."""
    return lists.list.len().fill_null(0).to_numpy().astype(np.int64)


def flatten(lists: pl.Series) -> pl.Series:
    """Return the values of all rows' lists, one after another; empty and null lists have none."""
    if not lengths(lists).any():
        inner = lists.dtype.inner  # type: ignore[attr-defined]
        return pl.Series(lists.name, [], dtype=inner)
    return lists.filter(lists.list.len() > 0).explode()


def flatten_ints(lists: pl.Series) -> Array:
    """Return the values of all rows' lists of integers, one after another, as int64."""
    return flatten(lists).to_numpy().astype(np.int64)


def unflatten(
    values: pl.Series,
    counts: npt.ArrayLike,
    *,
    name: str,
    valid: Flags | None = None,
) -> pl.Series:
    """Return a list column of flat values: row i holds the next counts[i].

    Args:
        values: the values of all rows, one after another.
        counts: the number of values of each row, (rows,).
        name: the name of the column.
        valid: whether a row is not null, (rows,); a null row must have a count of 0.
    """
    bounds = offsets(counts)
    assert bounds[-1] == len(values), f"{len(values)} values for lists of {bounds[-1]} in all"
    inner = values.to_arrow()
    # of buffers, as an array of numpy has pyarrow import pandas, in a quarter of a second
    bits = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    buffers = [bits, pa.py_buffer(bounds)]
    lists = pa.Array.from_buffers(pa.large_list(inner.type), len(bounds) - 1, buffers, children=[inner])
    result = pl.from_arrow(lists)
    assert isinstance(result, pl.Series)
    return result.alias(name).cast(pl.List(values.dtype))


def offsets(counts: npt.ArrayLike) -> Array:
    """Return where each row's values begin, and at last where they all end: (rows + 1,)."""
    counts = np.asarray(counts, dtype=np.int64)
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def sum_rows(values: Array, counts: npt.ArrayLike) -> Array:
    """Return the sum of each row's values, of which row i has the next counts[i]: (rows,)."""
    return np.diff(offsets(values)[offsets(counts)])


def row_ids(counts: npt.ArrayLike) -> Array:
    """Return the row of each flat value."""
    counts = np.asarray(counts, dtype=np.int64)
    return np.repeat(np.arange(len(counts)), counts)


def local_index(counts: npt.ArrayLike) -> Array:
    """Return the index of each flat value within its row: 0, 1, ... for each row."""
    counts = np.asarray(counts, dtype=np.int64)
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def code_points(texts: pl.Series) -> npt.NDArray[np.uint32]:
    """Return the Unicode code points of all texts, one after another."""
    joined = "".join(texts.to_list())
    return np.frombuffer(joined.encode("utf-32-le"), dtype=np.uint32)


def num_characters(texts: pl.Series) -> Array:
    """Return the length of each text in code points: (rows,)."""
    return texts.str.len_chars().to_numpy().astype(np.int64)


def utf8_width(points: npt.NDArray[np.uint32]) -> Array:
    """Return the number of bytes of each code point in UTF-8."""
    return 1 + (points >= 0x80).astype(np.int64) + (points >= 0x800) + (points >= 0x10000)


def decode_code_points(
    points: npt.NDArray[np.uint32], counts: npt.ArrayLike, *, name: str = "text"
) -> pl.Series:
    """Return texts of code points, the inverse of `code_points`: row i holds the next counts[i]."""
    data = points.astype("<u4").tobytes().decode("utf-32-le").encode("utf-8")
    bounds = offsets(utf8_width(points))[offsets(counts)]
    array = pa.LargeStringArray.from_buffers(len(bounds) - 1, pa.py_buffer(bounds), pa.py_buffer(data))
    result = pl.from_arrow(array)
    assert isinstance(result, pl.Series)
    return result.alias(name)


def factorize(values: pl.Series) -> tuple[npt.NDArray[np.int32], pl.Series]:
    """Return the code of each value and the distinct values, in order of first appearance: value i is distinct[codes[i]]."""
    encoded = values.to_arrow().dictionary_encode()
    distinct, codes = pl.from_arrow(encoded.dictionary), pl.from_arrow(encoded.indices)
    assert isinstance(distinct, pl.Series) and isinstance(codes, pl.Series)
    return codes.to_numpy(), distinct.alias(values.name)


def utf8_of(texts: pl.Series) -> tuple[pa.Buffer | None, Array]:
    """Return the UTF-8 of all texts one after another, None where there is none, and where each begins, and at last where they all end."""
    array = texts.fill_null("").rechunk().to_arrow().cast(pa.large_string())
    _, bounds, data = array.buffers()
    return data, np.frombuffer(bounds, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
