"""MinHash signatures of documents, cut into bands whose hashes are the buckets of locality-sensitive hashing.

Source: Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, chapter 3.
"""

import numpy as np
import numpy.typing as npt

from mgm.compute.executor import Columns
from mgm.settings.text import DeduplicationSettings
from mgm.text.deduplication.shingles import Shingles
from mgm.text.list_columns import Array

MIN_RECALL = 0.99
"""The least probability that a pair at the threshold becomes a candidate."""
_ROWS_AT_ONCE = 1 << 16


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


VALUES = "values"
"""The column of the signatures: the low 16 bits of each of their values, (rows, permutations).

Two different values are equal in these once in 65,536 times, which makes the estimate of a similarity larger by so little.
"""


def bucket_column(band: int) -> str:
    """Return the name of the column of the buckets of a band, u64."""
    return f"bucket {band}"


def column_names(settings: DeduplicationSettings) -> list[str]:
    """Return the names of the columns of `signature_columns`."""
    num_bands, _ = choose_bands(settings.threshold, settings.permutations)
    return [VALUES, *map(bucket_column, range(num_bands))]


def signature_columns(shingles: Shingles, settings: DeduplicationSettings) -> Columns:
    """Return the signatures of texts and their buckets. Size: 2 bytes a permutation and 8 bytes a band of each row."""
    num_bands, width = choose_bands(settings.threshold, settings.permutations)
    values = shingles.signatures(settings.permutations)[:, : num_bands * width]
    bands = np.split(values, num_bands, axis=1)
    return {VALUES: values.astype(np.uint16)} | {
        bucket_column(i): _bucket(band) for i, band in enumerate(bands)
    }


def estimate_similarity(
    values: npt.NDArray[np.uint16], left: Array, *, right: Array
) -> npt.NDArray[np.float64]:
    """Return the share of permutations with equal values, which estimates the Jaccard similarity of rows left[i] and right[i]."""
    result = np.empty(len(left), np.float64)
    for begin in range(0, len(left), _ROWS_AT_ONCE):
        pairs = slice(begin, begin + _ROWS_AT_ONCE)
        equal = values[left[pairs]] == values[right[pairs]]
        result[pairs] = equal.sum(axis=1) / values.shape[1]
    return result


def _bucket(band: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint64]:
    """Return the bucket of each row, a hash of its values in a band. A collision only adds a candidate."""
    value = np.full(len(band), 0xCBF29CE484222325, np.uint64)
    for column in band.T:
        value = (value ^ column) * np.uint64(0x9E3779B97F4A7C15)
        value ^= value >> np.uint64(29)
    return value
