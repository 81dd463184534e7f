"""MinHash signatures of documents, cut into bands whose hashes are the buckets of locality-sensitive hashing.

Source: Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, chapter 3.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from mgm.settings.text import DeduplicationSettings
from mgm.text.deduplication.disk_arrays import SharedArray
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


class Signatures:
    """The signatures of rows and their buckets, in memory or in files.

    A signature has the low 16 bits of each of its values: two different values are equal in them once in 65,536 times, which makes the
    estimate of a similarity larger by so little. Size: 2 bytes a permutation and 8 bytes a band of each row.
    """

    def __init__(self, num_rows: int, settings: DeduplicationSettings, *, folder: Path | None = None) -> None:
        """Begin with zeros.

        Args:
            num_rows: the number of rows.
            settings: threshold and permutations.
            folder: where files are made for them, by which other processes get them; None: they are in memory.
        """
        self._num_bands, self._width = choose_bands(settings.threshold, settings.permutations)
        size = self._num_bands * self._width
        # rows in which a pair is compared lie together; so do the buckets of a band, which are read one band at a time
        self._values_array = _array(folder, "values", shape=(num_rows, size), dtype=np.uint16)
        self._buckets_array = _array(folder, "buckets", shape=(self._num_bands, num_rows), dtype=np.uint64)

    @property
    def _values(self) -> Array:
        array = self._values_array
        return array if isinstance(array, np.ndarray) else array.values

    @property
    def _buckets(self) -> Array:
        array = self._buckets_array
        return array if isinstance(array, np.ndarray) else array.values

    def set(self, first: int, signatures: "Signatures") -> None:
        """Set the rows from number `first` on to those of other signatures, of the same settings."""
        rows = slice(first, first + len(signatures))
        self._values[rows] = signatures._values
        self._buckets[:, rows] = signatures._buckets

    @classmethod
    def of(cls, shingles: Shingles, settings: DeduplicationSettings) -> "Signatures":
        """Return the signatures of texts, in memory."""
        signatures = cls(len(shingles.counts), settings)
        values = shingles.signatures(settings.permutations)[:, : signatures.num_permutations]
        signatures._values[:] = values & np.uint32(0xFFFF)
        for bucket, band in zip(
            signatures._buckets, np.split(values, signatures.num_bands, axis=1), strict=True
        ):
            bucket[:] = _bucket(band)
        return signatures

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._values)

    @property
    def paths(self) -> list[Path]:
        """The files that they are in; none where they are in memory."""
        arrays = [self._values_array, self._buckets_array]
        return [array.path for array in arrays if isinstance(array, SharedArray)]

    @property
    def num_bands(self) -> int:
        """The number of bands."""
        return self._num_bands

    @property
    def num_permutations(self) -> int:
        """The number of permutations that a signature has: those of all bands."""
        return int(self._values.shape[1])

    def buckets(self, band: int, rows: Array) -> npt.NDArray[np.uint64]:
        """Return the buckets of some rows in a band."""
        return np.asarray(self._buckets[band][rows])

    def similarity(self, left: Array, *, right: Array) -> npt.NDArray[np.float64]:
        """Return the share of permutations with equal values, which estimates the Jaccard similarity of rows left[i] and right[i]."""
        result = np.empty(len(left), np.float64)
        for begin in range(0, len(left), _ROWS_AT_ONCE):
            pairs = slice(begin, begin + _ROWS_AT_ONCE)
            equal = self._values[left[pairs]] == self._values[right[pairs]]
            result[pairs] = equal.sum(axis=1) / self.num_permutations
        return result


def _array(
    folder: Path | None, name: str, *, shape: tuple[int, int], dtype: type[np.generic]
) -> Array | SharedArray:
    """Return zeros, in memory or in a file."""
    if folder is None or 0 in shape:
        return np.zeros(shape, dtype)
    return SharedArray(folder / f"signatures.{name}", shape, dtype)


def _bucket(band: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint64]:
    """Return the bucket of each row, a hash of its values in a band. A collision only adds a candidate."""
    value = np.full(len(band), 0xCBF29CE484222325, np.uint64)
    for column in band.T:
        value = (value ^ column) * np.uint64(0x9E3779B97F4A7C15)
        value ^= value >> np.uint64(29)
    return value
