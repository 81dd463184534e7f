"""Pairs of near-duplicates: found by locality-sensitive hashing of signatures, then verified.

Every pair that is given back is at least as similar as the threshold: the Jaccard similarity of its sets of
shingles is computed (shingles as hashes of 31 bits, which is off by less than 1e-4 for texts of 100,000
characters). Not every such pair is found: one just at the threshold with 99%, a closer one almost surely.
Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, chapter 3.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from mgm.text.deduplication.shingles import Shingles
from mgm.text.list_columns import Array, local_index, offsets

MIN_RECALL = 0.99  # the least chance of finding a pair whose similarity is the threshold
MAX_STANDARD_ERRORS = 4.0  # standard errors below the threshold at which an estimate rules a pair out
# In a bucket, a row is compared with so many of its first rows, which are those that are kept, and with as
# many of the rows just before it: this bounds the work where a template fills a bucket with tens of
# thousands.
BUCKET_NEIGHBOURS = 16
_PAIRS = 1 << 18  # estimated at once
_SHINGLES = 1 << 23  # verified at once
_COLUMNS = (1 << 31) - 1

Signatures = npt.NDArray[np.uint32]  # (bands, rows, rows of a band)
Pairs = tuple[Array, Array]


def choose_bands(threshold: float, permutations: int) -> tuple[int, int]:
    """How a signature is cut: (bands, permutations of a band).

    The longest bands that still find a pair at the threshold with the chance `FOUND`: longer ones give fewer
    false candidates.
    """
    fitting = [1]
    for size in range(2, permutations + 1):
        if 1 - (1 - threshold**size) ** (permutations // size) >= MIN_RECALL:
            fitting.append(size)
    return permutations // fitting[-1], fitting[-1]


def find_candidates(signatures: Signatures, rows: Array, threshold: float) -> Pairs:
    """Pairs of places in `rows` (left < right), sorted, that share a bucket and are likely as similar as the
    threshold, judged by their signatures."""
    least = _min_estimate(threshold, signatures.shape[0] * signatures.shape[2])
    found = [np.empty(0, np.int64)]
    for band in signatures:
        for left, right in _bucket_mates(_bucket(band[rows])):
            likely = _estimate(signatures, rows[left], rows[right]) >= least
            found.append(left[likely] * len(rows) + right[likely])
    codes = np.sort(np.concatenate(found))
    codes = codes[np.diff(codes, prepend=-1) > 0]  # faster by far than np.unique, which hashes
    return codes // max(len(rows), 1), codes % max(len(rows), 1)


def _min_estimate(threshold: float, permutations: int) -> float:
    return float(threshold - MAX_STANDARD_ERRORS * np.sqrt(threshold * (1 - threshold) / permutations))


def _bucket(band: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint64]:
    """One hash a row of a band's values. Where different values share one, there is a pair more to judge."""
    value = np.full(len(band), 0xCBF29CE484222325, np.uint64)
    for column in band.T:
        value = (value ^ column) * np.uint64(0x9E3779B97F4A7C15)
        value ^= value >> np.uint64(29)
    return value


def _bucket_mates(bucket: npt.NDArray[np.uint64]) -> Iterator[Pairs]:
    """Pairs of rows with equal buckets, the earlier row first, in blocks."""
    order = np.argsort(bucket, kind="stable")
    same = np.diff(bucket[order]) == 0
    starts = np.flatnonzero(np.concatenate([[True], ~same])) if len(order) else np.empty(0, np.int64)
    sizes = np.diff(np.append(starts, len(order)))
    place = local_index(sizes)
    counts = np.minimum(place, 2 * BUCKET_NEIGHBOURS)
    first = np.repeat(starts, sizes)
    bounds = offsets(counts)
    for begin, end in _blocks(bounds, _PAIRS):
        own = counts[begin:end]
        mate = local_index(own)
        skipped = np.where(mate < BUCKET_NEIGHBOURS, 0, np.repeat(place[begin:end] - own, own))
        right = np.repeat(np.arange(begin, end), own)
        left = np.repeat(first[begin:end], own) + mate + skipped
        yield order[left], order[right]


def _blocks(bounds: Array, size: int) -> Iterator[tuple[int, int]]:
    """Cuts rows, whose values lie at `bounds`, into runs of about `size` values, one row at least."""
    begin, rows = 0, len(bounds) - 1
    while begin < rows and bounds[begin] < bounds[-1]:
        end = int(np.searchsorted(bounds, bounds[begin] + size, side="right")) - 1
        end = max(end, begin + 1)
        yield begin, end
        begin = end


def _estimate(signatures: Signatures, left: Array, right: Array) -> npt.NDArray[np.float64]:
    equal = np.zeros(len(left), np.int64)
    for band in signatures:
        equal += (band[left] == band[right]).sum(axis=1)
    return equal / (signatures.shape[0] * signatures.shape[2])


def shingle_sets(texts: Iterable[Shingles]) -> csr_array:
    """The sets of shingles of texts in parts: a row a text, a column a hash. Memory: 5 bytes a shingle."""
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


def jaccard_similarity(members: csr_array, left: Array, right: Array) -> npt.NDArray[np.float64]:
    """The Jaccard similarity of pairs of rows of `sets`; 0 for two empty sets."""
    size = np.diff(members.indptr).astype(np.int64)
    result = np.zeros(len(left))
    for begin, end in _blocks(offsets(size[left] + size[right]), _SHINGLES):
        a, b = left[begin:end], right[begin:end]
        common = np.diff(members[a].multiply(members[b]).tocsr().indptr)
        result[begin:end] = common / np.maximum(size[a] + size[b] - common, 1)
    return result
