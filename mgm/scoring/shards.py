"""A night's documents cut into shards: ranges of rows by file, and the hash of what stands in them.

Where a shard ends depends on the rows and their order alone, not on the files' format, nor on who scores it: after
`rows_per_shard` rows, or with the row that makes 64 MB full. A shard's hash is of its rows' ids and texts, and so is the
night's, which does not depend on where shards end.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl

from mgm.corpus.readers import MEGABYTES, Source
from mgm.corpus.readers.assemble import assemble
from mgm.scoring.inputs import Inputs

MANIFEST = "_shards.json"
_COLUMNS = ("doc_id", "text")


@dataclass(frozen=True)
class Range:
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
    ranges: tuple[Range, ...]


@dataclass(frozen=True)
class Shards:
    """All of a night's documents."""

    rows: int
    sha256: str
    """The hash of all ids and texts in their order."""
    rows_per_shard: int
    shards: tuple[Shard, ...]


def cut(inputs: Inputs, rows_per_shard: int, watch: Callable[[pl.DataFrame], object] | None = None) -> Shards:
    """Reads everything once and says where its shards begin and end. `watch` sees all rows in their order. Memory: two
    shards.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: names what cannot be read: a damaged file, a missing column, another type, invalid UTF-8.
    """
    heights: list[tuple[str, int]] = []
    whole = _Digest()
    bounds: list[tuple[int, int, str]] = []
    first = 0
    for frame in assemble(_frames(inputs, rows_per_shard, heights), rows_per_shard, MEGABYTES):
        whole.update(frame)
        if watch is not None:
            watch(frame)
        bounds.append((first, frame.height, _sha256(frame)))
        first += frame.height
    shards = tuple(
        Shard(index, rows, sha256, _ranges(heights, start, rows))
        for index, (start, rows, sha256) in enumerate(bounds)
    )
    return Shards(first, whole.hexdigest(), rows_per_shard, shards)


def _frames(inputs: Inputs, rows: int, heights: list[tuple[str, int]]) -> Iterator[pl.DataFrame]:
    """The rows of all pieces; `heights` gets the name and the rows of each."""
    for piece, name in inputs.pieces():
        heights.append((name, 0))
        for frame in inputs.read(piece, rows):
            heights[-1] = (name, heights[-1][1] + frame.height)
            yield frame


def _ranges(heights: Sequence[tuple[str, int]], start: int, rows: int) -> tuple[Range, ...]:
    """The rows from `start` on, counted over all pieces, as ranges of each."""
    found, before = [], 0
    for name, height in heights:
        first, last = max(start, before), min(start + rows, before + height)
        if first < last:
            found.append(Range(name, first - before, last - first))
        before += height
    return tuple(found)


class _Digest:
    """A hash of rows (doc_id, text) that no other rows have, whatever frames they come in: of the length of every value (-1:
    a missing one), and of the bytes of each column one after another."""

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
        digests = b"".join(one.digest() for one in self._hashes.values())
        return hashlib.sha256(digests).hexdigest()


def _sha256(frame: pl.DataFrame) -> str:
    digest = _Digest()
    digest.update(frame)
    return digest.hexdigest()


def read(inputs: Inputs, shards: Sequence[Shard]) -> Iterator[tuple[Shard, pl.DataFrame]]:
    """The documents (doc_id, text) of some shards of this input, in their order. Memory: about two shards.

    Files without a row of these shards are not opened, and each other is read once.

    Raises:
        ValueError: the documents are not those that were cut.
    """
    wanted = sorted(shards, key=lambda shard: shard.index)
    places = [(shard, place) for shard in wanted for place in shard.ranges]
    pieces = {name: piece for piece, name in inputs.pieces()}
    waiting: list[pl.DataFrame] = []
    for name in dict.fromkeys(place.file for _, place in places):
        own = [(shard, place) for shard, place in places if place.file == name]
        if name not in pieces:
            raise ValueError(
                f"{name}: gone since its rows were counted; run again when the input is complete"
            )
        frames = _slices(inputs, pieces[name], [place for _, place in own])
        for (shard, _), frame in zip(own, frames, strict=True):
            waiting.append(frame)
            if name == shard.ranges[-1].file:
                yield shard, _checked(shard, pl.concat(waiting, rechunk=True))
                waiting = []


def _slices(inputs: Inputs, piece: Source, ranges: Sequence[Range]) -> Iterator[pl.DataFrame]:
    """The rows of each range, which follow one another; fewer where the piece has become shorter."""
    frames = inputs.read(piece, max(place.rows for place in ranges))
    frame, begins = next(frames, None), 0
    for place in ranges:
        found: list[pl.DataFrame] = []
        while frame is not None and begins < place.first + place.rows:
            skipped = max(place.first - begins, 0)
            found.append(frame.slice(skipped, place.first + place.rows - begins - skipped))
            if begins + frame.height > place.first + place.rows:
                break
            begins += frame.height
            frame = next(frames, None)
        yield pl.concat(found) if found else pl.DataFrame(schema={"doc_id": pl.String, "text": pl.String})


def _checked(shard: Shard, frame: pl.DataFrame) -> pl.DataFrame:
    if _sha256(frame) != shard.sha256:
        where = ", ".join(f"{p.file} rows {p.first + 1} to {p.first + p.rows}" for p in shard.ranges)
        raise ValueError(
            f"{where}: changed since the rows were counted; run again when the input is complete"
        )
    return frame


def write(folder: Path, shards: Shards) -> None:
    """Writes `_shards.json`, atomically; where it says the same already it stays as it is."""
    path, text = folder / MANIFEST, json.dumps(asdict(shards), indent=1) + "\n"
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    folder.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{MANIFEST}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
