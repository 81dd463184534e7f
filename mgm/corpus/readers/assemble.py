"""Frames of any height to parts of bounded rows and bytes: where a part ends depends on its rows alone."""

from collections.abc import Iterable, Iterator

import polars as pl

CHUNK_BYTES = 4 << 20
"""About how much raw text a reader takes into memory at a time, whatever the length of a row."""
MEGABYTE = 1_000_000
_ELEMENT_BYTES = 16  # of a list: a span, or a label with its length


def row_bytes(frame: pl.DataFrame) -> pl.Series:
    """The size of every row: the UTF-8 bytes of its strings, and a flat amount for each element of its lists."""
    sizes = [pl.lit(0, pl.Int64)]
    for name, dtype in frame.schema.items():
        if dtype == pl.String:
            sizes.append(pl.col(name).str.len_bytes().fill_null(0).cast(pl.Int64))
        elif isinstance(dtype, pl.List):
            sizes.append(pl.col(name).list.len().fill_null(0).cast(pl.Int64) * _ELEMENT_BYTES)
    return frame.select(pl.sum_horizontal(pl.repeat(0, pl.len(), dtype=pl.Int64), *sizes).alias("bytes"))[
        "bytes"
    ]


def assemble(frames: Iterable[pl.DataFrame], rows: int, megabytes: float) -> Iterator[pl.DataFrame]:
    """The rows of `frames` in their order, cut after `rows` rows or with the row that makes `megabytes` full,
    whichever comes first; the last part may be smaller. Memory: one part and one frame."""
    limit = int(megabytes * MEGABYTE)
    waiting: list[pl.DataFrame] = []
    height = size = 0
    for frame in frames:
        ends = row_bytes(frame).cum_sum().to_numpy()
        start = begun = 0  # of this frame: the first row, and the bytes before it
        while start < frame.height:
            full = int(ends.searchsorted(begun + limit - size)) + 1
            stop = min(full, start + rows - height, frame.height)
            waiting.append(frame.slice(start, stop - start))
            height, size = height + stop - start, size + int(ends[stop - 1]) - begun
            start, begun = stop, int(ends[stop - 1])
            if height == rows or size >= limit:
                yield pl.concat(waiting, rechunk=True)
                waiting, height, size = [], 0, 0
    if height:
        yield pl.concat(waiting, rechunk=True)
