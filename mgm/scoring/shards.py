"""Shards of a night's documents: ranges of rows by file, and the hash of their content.

The end of a shard depends on the rows and their order alone, not on the files' format, nor on who scores it: after
`rows_per_shard` rows, or with the row that completes 64 MB. A shard's hash covers its rows' ids and texts, and so does the
night's, which does not depend on the ends of shards.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl

from mgm.corpus.readers import MEGABYTES, Source
from mgm.corpus.readers.rebatch import rebatch
from mgm.files import write_text
from mgm.scoring.inputs import Inputs

MANIFEST = "_shards.json"
_COLUMNS = ("doc_id", "text")


@dataclass(frozen=True)
class RowRange:
    """Rows of one file (or of a folder of texts): `rows` of them from row `first` on, counted from 0."""

    file: str
    first: int
    rows: int


@dataclass(frozen=True)
class Shard:
    """Consecutive documents; `sha256` is the hash of their ids and texts."""

    index: int
    rows: int
    sha256: str
    ranges: tuple[RowRange, ...]


@dataclass(frozen=True)
class Shards:
    """All of a night's documents."""

    rows: int
    sha256: str
    """The hash of all ids and texts in their order."""
    rows_per_shard: int
    shards: tuple[Shard, ...]


def cut_shards(
    inputs: Inputs, rows_per_shard: int, *, on_frame: Callable[[pl.DataFrame], object] | None = None
) -> Shards:
    """Read everything once and return the bounds and hashes of its shards. Memory: two shards.

    Args:
        on_frame: called with all rows in their order, frame by frame.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a damaged file, a missing column, another type, invalid UTF-8; the message names it.
    """
    heights: list[tuple[str, int]] = []
    night_digest = _Digest()
    bounds: list[tuple[int, int, str]] = []
    first = 0
    for frame in rebatch(
        _read_all(inputs, rows_per_shard, heights=heights), rows_per_shard, megabytes=MEGABYTES
    ):
        night_digest.update(frame)
        if on_frame is not None:
            on_frame(frame)
        bounds.append((first, frame.height, _frame_sha256(frame)))
        first += frame.height
    shards = tuple(
        Shard(index=index, rows=rows, sha256=sha256, ranges=_ranges(heights, start, rows=rows))
        for index, (start, rows, sha256) in enumerate(bounds)
    )
    return Shards(rows=first, sha256=night_digest.hexdigest(), rows_per_shard=rows_per_shard, shards=shards)


def read_shards(inputs: Inputs, shards: Sequence[Shard]) -> Iterator[tuple[Shard, pl.DataFrame]]:
    """Yield the documents (doc_id, text) of some shards of this input, in their order. Memory: about two shards.

    Files without a row of these shards are not opened, and each other is read once.

    Raises:
        ValueError: the documents have changed since they were cut.
    """
    ranges = [(s, r) for s in sorted(shards, key=lambda shard: shard.index) for r in s.ranges]
    pieces = {name: piece for piece, name in inputs.pieces()}
    pending: list[pl.DataFrame] = []
    for name in dict.fromkeys(row_range.file for _, row_range in ranges):
        in_file = [(shard, row_range) for shard, row_range in ranges if row_range.file == name]
        if name not in pieces:
            raise ValueError(
                f"{name}: gone since its rows were counted; run again when the input is complete"
            )
        frames = _slice_piece(inputs, pieces[name], ranges=[row_range for _, row_range in in_file])
        for (shard, _), frame in zip(in_file, frames, strict=True):
            pending.append(frame)
            if name == shard.ranges[-1].file:
                yield shard, _verify(shard, pl.concat(pending, rechunk=True))
                pending = []


def write_manifest(folder: Path, shards: Shards) -> None:
    """Write `_shards.json`, atomically, unless it has this content already."""
    path, text = folder / MANIFEST, json.dumps(asdict(shards), indent=1) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


class _Digest:
    """A hash of rows (doc_id, text) that no other rows have, however they are divided into frames.

    It covers the length of every value (-1: a missing one) and the bytes of each column one after another.
    """

    def __init__(self) -> None:
        self._hashes = {(column, of): hashlib.sha256() for column in _COLUMNS for of in ("lengths", "bytes")}

    def update(self, frame: pl.DataFrame) -> None:
        for column in _COLUMNS:
            values = frame[column]
            lengths = values.str.len_bytes().cast(pl.Int64).fill_null(-1).to_numpy()
            self._hashes[column, "lengths"].update(lengths.astype("<i8").tobytes())
            array = values.fill_null("").rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
            _, offsets, content = array.buffers()
            if content is not None:
                bounds = np.frombuffer(offsets, np.int64)[array.offset :]
                self._hashes[column, "bytes"].update(memoryview(content)[bounds[0] : bounds[len(array)]])

    def hexdigest(self) -> str:
        digests = b"".join(digest.digest() for digest in self._hashes.values())
        return hashlib.sha256(digests).hexdigest()


def _frame_sha256(frame: pl.DataFrame) -> str:
    digest = _Digest()
    digest.update(frame)
    return digest.hexdigest()


def _read_all(inputs: Inputs, rows: int, *, heights: list[tuple[str, int]]) -> Iterator[pl.DataFrame]:
    """Yield the rows of all pieces, and append the name and the number of rows of each piece to `heights`."""
    for piece, name in inputs.pieces():
        heights.append((name, 0))
        for frame in inputs.read(piece, rows):
            heights[-1] = (name, heights[-1][1] + frame.height)
            yield frame


def _ranges(heights: Sequence[tuple[str, int]], start: int, *, rows: int) -> tuple[RowRange, ...]:
    """Return the rows from `start` on, counted over all pieces, as ranges of each piece."""
    ranges, offset = [], 0
    for name, height in heights:
        first, last = max(start, offset), min(start + rows, offset + height)
        if first < last:
            ranges.append(RowRange(file=name, first=first - offset, rows=last - first))
        offset += height
    return tuple(ranges)


def _slice_piece(inputs: Inputs, piece: Source, *, ranges: Sequence[RowRange]) -> Iterator[pl.DataFrame]:
    """Yield the rows of each range, in ascending order; fewer where the piece has become shorter."""
    frames = inputs.read(piece, max(row_range.rows for row_range in ranges))
    frame, frame_start = next(frames, None), 0
    for row_range in ranges:
        end = row_range.first + row_range.rows
        slices: list[pl.DataFrame] = []
        while frame is not None and frame_start < end:
            skipped = max(row_range.first - frame_start, 0)
            slices.append(frame.slice(skipped, end - frame_start - skipped))
            if frame_start + frame.height > end:
                break
            frame_start += frame.height
            frame = next(frames, None)
        yield pl.concat(slices) if slices else pl.DataFrame(schema={"doc_id": pl.String, "text": pl.String})


def _verify(shard: Shard, frame: pl.DataFrame) -> pl.DataFrame:
    if _frame_sha256(frame) != shard.sha256:
        where = ", ".join(f"{r.file} rows {r.first + 1} to {r.first + r.rows}" for r in shard.ranges)
        raise ValueError(
            f"{where}: changed since the rows were counted; run again when the input is complete"
        )
    return frame
