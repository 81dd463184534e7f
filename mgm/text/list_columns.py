"""List columns as flat values and lengths, the shape in which numpy and C libraries do their work."""

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

Array = npt.NDArray[np.int64]


def lengths(series: pl.Series) -> Array:
    """The length of each row's list; a null counts as empty."""
    return series.list.len().fill_null(0).to_numpy().astype(np.int64)


def flatten(series: pl.Series) -> pl.Series:
    """The values of all rows' lists, one after another; empty and null lists give nothing."""
    if not lengths(series).any():
        inner = series.dtype.inner  # type: ignore[attr-defined]
        return pl.Series(series.name, [], dtype=inner)
    return series.filter(series.list.len() > 0).explode()


def flatten_ints(series: pl.Series) -> Array:
    """As `flat`, for lists of whole numbers, as int64."""
    return flatten(series).to_numpy().astype(np.int64)


def offsets(counts: npt.ArrayLike) -> Array:
    """Where each row's values begin, and after the last one where they end: (rows + 1,)."""
    counts = np.asarray(counts, dtype=np.int64)
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def row_ids(counts: npt.ArrayLike) -> Array:
    """The row of each flat value."""
    counts = np.asarray(counts, dtype=np.int64)
    return np.repeat(np.arange(len(counts)), counts)


def local_index(counts: npt.ArrayLike) -> Array:
    """The place of each flat value within its row: 0, 1, ... of each row, one after another."""
    counts = np.asarray(counts, dtype=np.int64)
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def unflatten(
    name: str, values: pl.Series, counts: npt.ArrayLike, valid: npt.NDArray[np.bool_] | None = None
) -> pl.Series:
    """A list column of flat values: row i takes the next counts[i]; rows that are not `valid` are null.

    Rows that are not valid must have a count of 0.
    """
    bounds = offsets(counts)
    assert bounds[-1] == len(values), f"{len(values)} values for lists of {bounds[-1]} in all"
    mask = None if valid is None else pa.array(~valid)
    lists = pa.LargeListArray.from_arrays(pa.array(bounds), values.to_arrow(), mask=mask)
    result = pl.from_arrow(lists)
    assert isinstance(result, pl.Series)
    return result.alias(name).cast(pl.List(values.dtype))


def code_points(texts: pl.Series) -> npt.NDArray[np.uint32]:
    """The Unicode code points of all texts, one after another."""
    joined = "".join(texts.to_list())
    return np.frombuffer(joined.encode("utf-32-le"), dtype=np.uint32)


def utf8_width(points: npt.NDArray[np.uint32]) -> Array:
    """How many bytes each code point takes in UTF-8."""
    return 1 + (points >= 0x80).astype(np.int64) + (points >= 0x800) + (points >= 0x10000)


def decode_code_points(
    points: npt.NDArray[np.uint32], counts: npt.ArrayLike, name: str = "text"
) -> pl.Series:
    """The inverse of `code_points`: row i takes the next counts[i] code points."""
    data = points.astype("<u4").tobytes().decode("utf-32-le").encode("utf-8")
    bounds = offsets(utf8_width(points))[offsets(counts)]
    array = pa.LargeStringArray.from_buffers(len(bounds) - 1, pa.py_buffer(bounds), pa.py_buffer(data))
    result = pl.from_arrow(array)
    assert isinstance(result, pl.Series)
    return result.alias(name)


def factorize(values: pl.Series) -> tuple[npt.NDArray[np.int32], pl.Series]:
    """The distinct values in order of first appearance, and for each value its place among them."""
    encoded = values.to_arrow().dictionary_encode()
    distinct = pl.from_arrow(encoded.dictionary)
    assert isinstance(distinct, pl.Series)
    return encoded.indices.to_numpy(), distinct.alias(values.name)
