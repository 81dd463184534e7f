"""Pairs of near-duplicates: candidates by locality-sensitive hashing of signatures, then verified.

Every verified pair is at least as similar as the threshold: the Jaccard similarity of both sets of shingles is computed (shingles are
hashes of 31 bits, which changes it by less than 1e-4 for texts of 100,000 characters). Not every similar pair is a candidate: one at
the threshold is with a probability of 99%, a more similar one almost surely.

Source: Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, chapter 3.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from mgm.text.deduplication.shingles import Shingles
from mgm.text.list_columns import Array, local_index, offsets

MIN_RECALL = 0.99
"""The least probability that a pair at the threshold becomes a candidate."""
MAX_STANDARD_ERRORS = 4.0
"""A pair is ruled out if the estimate of its similarity is this many standard errors below the threshold."""
BUCKET_NEIGHBOURS = 16
"""Within a bucket, a row is compared with this many of the first rows, which are the ones that are kept, and with as many of the rows
just before it. This bounds the work where a template fills a bucket with tens of thousands of rows."""
_PAIRS_AT_ONCE = 1 << 18
_SHINGLES_AT_ONCE = 1 << 23
_COLUMNS = (1 << 31) - 1

Signatures = npt.NDArray[np.uint32]  # (bands, rows, rows of a band)
Pairs = tuple[Array, Array]


def choose_bands(threshold: float, permutations: int) -> tuple[int, int]:
    """Return the number of bands of a signature, and the number of permutations of a band.

    Bands are as long as possible, since longer ones make fewer false candidates, but a pair at the threshold must become a candidate
    with a probability of at least `MIN_RECALL`.
    """
    fitting = [1]
    for size in range(2, permutations + 1):
        if 1 - (1 - threshold**size) ** (permutations // size) >= MIN_RECALL:
            fitting.append(size)
    return permutations // fitting[-1], fitting[-1]


def find_candidates(signatures: Signatures, rows: Array, *, threshold: float) -> Pairs:
    """Return pairs of rows that share a bucket and, by their signatures, are likely as similar as the threshold.

    The pairs are indices into `rows`, left < right, sorted.
    """
    min_estimate = _min_estimate(threshold, signatures.shape[0] * signatures.shape[2])
    codes_of_bands = [np.empty(0, np.int64)]
    for band in signatures:
        for left, right in _bucket_mates(_bucket(band[rows])):
            likely = _estimate(signatures, rows[left], right=rows[right]) >= min_estimate
            codes_of_bands.append(left[likely] * len(rows) + right[likely])
    codes = np.sort(np.concatenate(codes_of_bands))
    codes = codes[np.diff(codes, prepend=-1) > 0]  # much faster than np.unique, which hashes
    return codes // max(len(rows), 1), codes % max(len(rows), 1)


def _min_estimate(threshold: float, permutations: int) -> float:
    return float(threshold - MAX_STANDARD_ERRORS * np.sqrt(threshold * (1 - threshold) / permutations))


def _bucket(band: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint64]:
    """Return the bucket of each row, a hash of its values in a band. A collision only adds a candidate."""
    value = np.full(len(band), 0xCBF29CE484222325, np.uint64)
    for column in band.T:
        value = (value ^ column) * np.uint64(0x9E3779B97F4A7C15)
        value ^= value >> np.uint64(29)
    return value


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


def _estimate(signatures: Signatures, left: Array, *, right: Array) -> npt.NDArray[np.float64]:
    equal = np.zeros(len(left), np.int64)
    for band in signatures:
        equal += (band[left] == band[right]).sum(axis=1)
    return equal / (signatures.shape[0] * signatures.shape[2])


def shingle_sets(texts: Iterable[Shingles]) -> csr_array:
    """Return the sets of shingles of texts that come in parts: a row for each text, a column for each hash.

    Memory: 5 bytes a shingle.
    """
    columns, counts = [np.empty(0, np.int32)], [np.empty(0, np.int64)]
    for part in texts:
        columns.append((part.hashes % np.uint64(_COLUMNS)).astype(np.int32))
        counts.append(part.counts)
    bounds = offsets(np.concatenate(counts))
    flat = np.concatenate(columns)
    result = csr_array((np.ones(len(flat), np.int8), flat, bounds), shape=(len(bounds) - 1, _COLUMNS))
    result.sum_duplicates()
    result.data[:] = 1
    return result


def jaccard_similarity(sets: csr_array, *, left: Array, right: Array) -> npt.NDArray[np.float64]:
    """Return the Jaccard similarity of the sets in rows left[i] and right[i]; 0 for two empty sets."""
    size = np.diff(sets.indptr).astype(np.int64)
    result = np.zeros(len(left))
    for begin, end in _blocks(offsets(size[left] + size[right]), _SHINGLES_AT_ONCE):
        a, b = left[begin:end], right[begin:end]
        common = np.diff(sets[a].multiply(sets[b]).tocsr().indptr)
        result[begin:end] = common / np.maximum(size[a] + size[b] - common, 1)
    return result
