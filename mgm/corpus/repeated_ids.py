"""Repeated ids of a corpus or a night, found by their hashes."""

from array import array

import numpy as np
import polars as pl


class IdHashes:
    """The hashes of ids that are added part by part. Memory: 9 bytes an id, and 1 more while repeated ones are searched for."""

    def __init__(self) -> None:
        """Begin without any id."""
        # an array that grows in place: a list of parts would be held twice when it is joined
        self._hashes = array("Q")

    def __len__(self) -> int:
        """Return the number of ids."""
        return len(self._hashes)

    def add(self, ids: pl.Series) -> None:
        """Add the ids of a part."""
        self.add_bytes(hash_bytes(ids))

    def add_bytes(self, hashes: bytes) -> None:
        """Add the ids whose hashes are these, of `hash_bytes`."""
        self._hashes.frombytes(hashes)

    def repeated(self) -> pl.Series:
        """Return the hashes that several ids have, each once: those of repeated ids, and by chance of different ones."""
        hashes = np.frombuffer(self._hashes, np.uint64)
        hashes.sort()  # in place
        is_repeated = hashes[1:] == hashes[:-1]
        return pl.Series(np.unique(hashes[1:][is_repeated]))


def hash_bytes(ids: pl.Series) -> bytes:
    """Return the hashes of ids, 8 bytes each."""
    return hash_ids(ids).to_numpy().tobytes()


def hash_ids(ids: pl.Series) -> pl.Series:
    """Return the hash of each id."""
    return ids.hash(seed=0)
