"""The parts of a text that are compared: its normalized form with its hash, and its shingles with their MinHash signature."""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import polars as pl
from rensa import RMinHash

from mgm.text.list_columns import Array, code_points, num_characters, offsets

MIN_SHINGLES = 20
"""A text of fewer shingles has exact copies only: for so short a text the similarity means little ("Press Ctrl+Shift+V", "Press
Ctrl+Shift+W")."""

_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)
_SEED = 42
# Rows of a call to rensa, whose result is Python lists: 128 KB a hundred rows.
_CALL_ROWS = 4_096


def normalize_texts(texts: pl.Series) -> pl.Series:
    """Return the texts without that in which copies may differ: case, blanks, punctuation, and width or other forms of a character.

    The form is NFKC. Symbols stay, since emoji carry sentiment. A text of blanks and punctuation alone is only stripped at its ends.
    """
    folded = fold_texts(texts)
    return texts.str.strip_chars().zip_with(folded == "", folded)


def fold_texts(texts: pl.Series) -> pl.Series:
    """Return the normalized texts, empty where a text has blanks and punctuation alone."""
    return texts.str.normalize("NFKC").str.to_lowercase().str.replace_all(r"[\s\p{P}\p{Z}\p{C}]+", "")


def hash_texts(normalized: pl.Series) -> npt.NDArray[np.uint64]:
    """Return a hash of 128 bits (BLAKE2b) for each text: (rows, 2).

    The chance that any two different texts of a billion have the same hash is 1e-21, so that texts of equal hashes are taken as equal.
    """
    digests = b"".join([blake2b(t.encode(), digest_size=16).digest() for t in normalized.to_list()])
    return np.frombuffer(digests, dtype="<u8").reshape(-1, 2).astype(np.uint64)


@dataclass(frozen=True)
class Shingles:
    """The hashes of each text's shingles (runs of n characters), text after text, with repetitions."""

    hashes: npt.NDArray[np.uint64]
    counts: Array
    """The number of shingles of each text, (rows,)."""

    @classmethod
    def from_texts(cls, normalized: pl.Series, n: int) -> "Shingles":
        """Hash the shingles of normalized texts by FNV-1a over their code points: the same in every process and version.

        The high half of each hash is folded into the low one.
        """
        points = code_points(normalized).astype(np.uint64)
        size = num_characters(normalized)
        counts = np.maximum(size - n + 1, 0)
        if not counts.any():
            return cls(np.empty(0, np.uint64), counts)
        # Every position is hashed, even where a text ends within n characters: this reads memory in order.
        num_positions = len(points) - n + 1
        value = np.full(num_positions, _FNV_OFFSET)
        for i in range(n):
            value ^= points[i : i + num_positions]
            value *= _FNV_PRIME
        value ^= value >> np.uint64(32)
        whole = np.ones(len(points), np.bool_)
        for i in range(1, n):
            whole[(offsets(size)[1:] - i)[size >= i]] = False
        return cls(value[whole[:num_positions]], counts)

    def signatures(self, permutations: int) -> npt.NDArray[np.uint32]:
        """Return the MinHash signatures of the texts: (rows, permutations), by rensa.

        The share of equal columns of two rows estimates the Jaccard similarity of their sets of shingles.

        Source: Broder 1997, On the resemblance and containment of documents.
        """
        bounds = offsets(self.counts)
        result = np.empty((len(self.counts), permutations), np.uint32)
        for first in range(0, len(self.counts), _CALL_ROWS):
            call = bounds[first : first + _CALL_ROWS + 1]
            matrix = RMinHash.digest_matrix_from_flat_token_hashes(
                self.hashes[call[0] : call[-1]], (call - call[0]).astype(np.uint64), permutations, _SEED
            )
            result[first : first + _CALL_ROWS] = matrix.to_rows()
        return result
