"""Pairs of near-duplicates: candidates by locality-sensitive hashing of signatures, then verified.

Every verified pair is at least as similar as the threshold: the Jaccard similarity of both sets of shingles is computed (shingles are
hashes of 31 bits, which changes it by less than 1e-4 for texts of 100,000 characters). Not every similar pair is a candidate: one at
the threshold is with a probability of 99%, a more similar one almost surely.

Source: Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, chapter 3.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from mgm.compute.executor import Columns, JoinedRows, Shuffle
from mgm.settings.text import DeduplicationSettings
from mgm.text.deduplication import disk_arrays
from mgm.text.deduplication.repeated import is_repeated
from mgm.text.deduplication.shingles import Shingles
from mgm.text.deduplication.signatures import VALUES, bucket_column, choose_bands, estimate_similarity
from mgm.text.list_columns import Array, local_index, offsets

MAX_STANDARD_ERRORS = 4.0
"""A pair is ruled out if the estimate of its similarity is this many standard errors below the threshold."""
BUCKET_NEIGHBOURS = 16
"""Within a bucket, a row is compared with this many of the first rows, which are the ones that are kept, and with as many of the rows
just before it. This bounds the work where a template fills a bucket with tens of thousands of rows."""
_BYTES_OF_ROW = 24
"""Of a row that travels, besides its signature."""
_PAIRS_AT_ONCE = 1 << 18
_SHINGLES_AT_ONCE = 1 << 23
_COLUMNS = (1 << 31) - 1

Pairs = tuple[Array, Array]


def find_candidates(signatures: Shuffle, rows: Array, *, settings: DeduplicationSettings) -> Pairs:
    """Return pairs of rows that share a bucket and, by their signatures, are likely as similar as the threshold.

    The pairs are indices into `rows`, left < right, sorted. Each band is searched where the shuffle brings its rows together. Memory
    there: 21 bytes a row, 50 bytes a row that shares a bucket of the band with another, and 16 bytes a pair that is found; on a
    cluster only the rows of a division are there, with their signatures.

    Args:
        signatures: the columns of all rows.
        rows: the rows to compare, the ones to keep first.
        settings: those of the signatures.
    """
    num_bands, width = choose_bands(settings.threshold, settings.permutations)
    search = partial(
        _SearchBand,
        num_rows=len(rows),
        num_divisions=signatures.num_divisions(len(rows) * (_BYTES_OF_ROW + 2 * num_bands * width)),
        min_estimate=_min_estimate(settings.threshold, num_bands * width),
    )
    codes = np.empty(0, np.int64)
    with closing(signatures.reduce([search(band) for band in range(num_bands)], rows=rows)) as results:
        for found in results:
            codes = np.union1d(codes, found)
    return codes // max(len(rows), 1), codes % max(len(rows), 1)


@dataclass
class _BandRows:
    """Rows to compare, with their buckets in a band; copies what is compared of them only where it travels."""

    places: Array
    """Their numbers among all rows to compare."""
    buckets: npt.NDArray[np.uint64]
    values: npt.NDArray[np.uint16]
    """The signatures of them and others."""
    index: Array
    """The places of theirs in `values`."""

    def __getstate__(self) -> dict[str, Any]:
        """Return these rows alone."""
        return self.__dict__ | {"values": self.values[self.index], "index": np.arange(len(self.index))}

    @classmethod
    def join(cls, pieces: Sequence["_BandRows"]) -> "_BandRows":
        """Return the rows of all pieces, in the order of their places."""
        if len(pieces) == 1:
            return pieces[0]
        bounds = offsets(np.array([len(piece.values) for piece in pieces]))
        places = np.concatenate([piece.places for piece in pieces])
        order = np.argsort(places)
        return cls(
            places=places[order],
            buckets=np.concatenate([piece.buckets for piece in pieces])[order],
            values=np.concatenate([piece.values for piece in pieces]),
            index=np.concatenate([piece.index + bounds[i] for i, piece in enumerate(pieces)])[order],
        )


@dataclass(frozen=True)
class _SearchBand:
    """Finds the likely pairs among the rows that share a bucket of a band; a pair is `left * num_rows + right`."""

    band: int
    num_rows: int
    num_divisions: int
    min_estimate: float

    @property
    def columns(self) -> list[str]:
        """Buckets and signatures."""
        return [VALUES, bucket_column(self.band)]

    def divide(self, columns: Columns, rows: JoinedRows | None, *, division: int) -> _BandRows:
        """Return the rows whose buckets are in a division: equal buckets have equal remainders."""
        assert rows is not None, "only some are compared"
        buckets, values = columns[bucket_column(self.band)][rows.index], columns[VALUES]
        if self.num_divisions == 1:
            return _BandRows(rows.places, buckets, values=values, index=rows.index)
        chosen = np.flatnonzero(buckets % np.uint64(self.num_divisions) == division)
        return _BandRows(rows.places[chosen], buckets[chosen], values=values, index=rows.index[chosen])

    def reduce(self, pieces: Sequence[_BandRows]) -> Array:
        """Return the pairs of a division."""
        rows = _BandRows.join(pieces)
        sharing = np.flatnonzero(is_repeated(rows.buckets))
        places, index = rows.places[sharing].astype(np.int64), rows.index[sharing]
        codes = [np.empty(0, np.int64)]
        for left, right in _bucket_mates(rows.buckets[sharing]):
            likely = estimate_similarity(rows.values, index[left], right=index[right]) >= self.min_estimate
            codes.append(places[left[likely]] * self.num_rows + places[right[likely]])
        return np.concatenate(codes)


def _min_estimate(threshold: float, permutations: int) -> float:
    return float(threshold - MAX_STANDARD_ERRORS * np.sqrt(threshold * (1 - threshold) / permutations))


def _bucket_mates(bucket: npt.NDArray[np.uint64]) -> Iterator[Pairs]:
    """Yield pairs of rows with equal buckets, the earlier row first, in blocks."""
    order = np.argsort(bucket, kind="stable")
    same = np.diff(bucket[order]) == 0
    starts = np.flatnonzero(np.concatenate([[True], ~same])) if len(order) else np.empty(0, np.int64)
    sizes = np.diff(np.append(starts, len(order)))
    place = local_index(sizes)
    counts = np.minimum(place, 2 * BUCKET_NEIGHBOURS)
    first = np.repeat(starts, sizes)
    bounds = offsets(counts)
    for begin, end in _blocks(bounds, _PAIRS_AT_ONCE):
        num_mates = counts[begin:end]
        mate = local_index(num_mates)
        skipped = np.where(mate < BUCKET_NEIGHBOURS, 0, np.repeat(place[begin:end] - num_mates, num_mates))
        right = np.repeat(np.arange(begin, end), num_mates)
        left = np.repeat(first[begin:end], num_mates) + mate + skipped
        yield order[left], order[right]


def _blocks(bounds: Array, size: int) -> Iterator[tuple[int, int]]:
    """Yield runs of rows with about `size` values, at least one row each; the values of a row are between two `bounds`."""
    begin, rows = 0, len(bounds) - 1
    while begin < rows and bounds[begin] < bounds[-1]:
        end = int(np.searchsorted(bounds, bounds[begin] + size, side="right")) - 1
        end = max(end, begin + 1)
        yield begin, end
        begin = end


@dataclass(frozen=True, kw_only=True)
class ShingleSets:
    """The sets of shingles of texts, each sorted, one after another."""

    values: npt.NDArray[np.int32]
    bounds: Array
    """Where each text's set begins, and at last where they all end."""

    @property
    def sizes(self) -> Array:
        """The number of shingles of each set."""
        return np.diff(self.bounds)

    def rows(self, rows: Array) -> csr_array:
        """Return some of the sets, in memory: a row for each, a column for each hash."""
        sizes = self.bounds[rows + 1] - self.bounds[rows]
        values = self.values[np.repeat(self.bounds[rows], sizes) + local_index(sizes)]
        return csr_array((np.ones(len(values), np.int8), values, offsets(sizes)), shape=(len(rows), _COLUMNS))


def shingle_sets(texts: Iterable[Shingles], folder: Path | None = None) -> ShingleSets:
    """Return the sets of shingles of texts that come in parts.

    Args:
        texts: the parts.
        folder: where an unnamed file is made for them, 4 bytes a shingle; None: they are in memory.
    """
    counts = [np.empty(0, np.int64)]

    def parts() -> Iterator[npt.NDArray[np.int32]]:
        for part in texts:
            columns = (part.hashes % np.uint64(_COLUMNS)).astype(np.int32)
            sets = csr_array(
                (np.ones(len(columns), np.int8), columns, offsets(part.counts)),
                shape=(len(part.counts), _COLUMNS),
            )
            sets.sum_duplicates()
            counts.append(np.diff(sets.indptr).astype(np.int64))
            yield sets.indices

    values = disk_arrays.concatenate(folder, parts(), dtype=np.int32)
    return ShingleSets(values=values, bounds=offsets(np.concatenate(counts)))


def jaccard_similarity(sets: ShingleSets, *, left: Array, right: Array) -> npt.NDArray[np.float64]:
    """Return the Jaccard similarity of the sets in rows left[i] and right[i]; 0 for two empty sets."""
    size = sets.sizes
    result = np.zeros(len(left))
    for begin, end in _blocks(offsets(size[left] + size[right]), _SHINGLES_AT_ONCE):
        a, b = left[begin:end], right[begin:end]
        common = np.diff(sets.rows(a).multiply(sets.rows(b)).tocsr().indptr)
        result[begin:end] = common / np.maximum(size[a] + size[b] - common, 1)
    return result
