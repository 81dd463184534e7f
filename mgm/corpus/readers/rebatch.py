"""Frames of any height to batches of bounded rows and bytes; where a batch ends depends on its rows alone."""

from collections.abc import Iterable, Iterator

import polars as pl

CHUNK_BYTES = 4 << 20
"""About the size of raw text that a reader has in memory at a time, for any length of rows."""
MAX_ROW_BYTES = 256 << 20
"""The bytes of a row of JSON or a text that no document has; a row takes about 12 times its size while it is read."""
MEGABYTE = 1_000_000
_ELEMENT_BYTES = 16  # of a list: a span, or a label with its length


def row_bytes(frame: pl.DataFrame) -> pl.Series:
    """Return the size of every row: the UTF-8 bytes of its strings, and a fixed amount for each element of its lists."""
    sizes = [pl.lit(0, pl.Int64)]
    for name, dtype in frame.schema.items():
        if dtype == pl.String:
            sizes.append(pl.col(name).str.len_bytes().fill_null(0).cast(pl.Int64))
        elif isinstance(dtype, pl.List):
            sizes.append(pl.col(name).list.len().fill_null(0).cast(pl.Int64) * _ELEMENT_BYTES)
    return frame.select(pl.sum_horizontal(pl.repeat(0, pl.len(), dtype=pl.Int64), *sizes).alias("bytes"))[
        "bytes"
    ]


def rebatch(frames: Iterable[pl.DataFrame], rows: int, *, megabytes: float) -> Iterator[pl.DataFrame]:
    """Yield the rows of frames in their order, in batches of `rows` rows or fewer.

    A batch ends early with the row that fills `megabytes`; the last one may be smaller. Memory: one batch and one frame.
    """
    limit = int(megabytes * MEGABYTE)
    waiting: list[pl.DataFrame] = []
    height = size = 0
    for frame in frames:
        ends = row_bytes(frame).cum_sum().to_numpy()
        start = offset = 0  # the first row of the frame that is left, and the bytes before it
        while start < frame.height:
            last = int(ends.searchsorted(offset + limit - size)) + 1
            stop = min(last, start + rows - height, frame.height)
            waiting.append(frame.slice(start, stop - start))
            height, size = height + stop - start, size + int(ends[stop - 1]) - offset
            start, offset = stop, int(ends[stop - 1])
            if height == rows or size >= limit:
                yield pl.concat(waiting, rechunk=True)
                waiting, height, size = [], 0, 0
    if height:
        yield pl.concat(waiting, rechunk=True)
