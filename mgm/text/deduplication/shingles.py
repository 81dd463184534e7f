"""What of a text is compared: its normal form, the hash of that, its shingles, their MinHash signature."""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import polars as pl
from rensa import RMinHash

from mgm.text.list_columns import Array, code_points, offsets

# Of fewer shingles the likeness says nothing ("Press Ctrl+Shift+V", "Press Ctrl+Shift+W"): such texts have
# exact copies only.
MIN_SHINGLES = 20

_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)
_SEED = 42
_CALL_ROWS = 4_096  # of a call to rensa, whose result is Python lists: 128 KB a hundred rows


def normalize_texts(texts: pl.Series) -> pl.Series:
    """The texts without what copies differ in: case, blanks, punctuation, width and other forms of a
    character (NFKC). Symbols stay, since emoji carry sentiment. A text of nothing else is itself, its ends
    stripped."""
    text = pl.col("text")
    form = text.str.normalize("NFKC").str.to_lowercase().str.replace_all(r"[\s\p{P}\p{Z}\p{C}]+", "")
    bare = pl.when(form == "").then(text.str.strip_chars()).otherwise(form)
    return texts.alias("text").to_frame().select(bare.alias("text")).to_series()


def hash_texts(normal: pl.Series) -> npt.NDArray[np.uint64]:
    """A key of 128 bits (BLAKE2b) for each text: (rows, 2).

    Two different texts among a billion share one with a chance of 1e-21, so that texts of equal keys are not
    compared again.
    """
    digests = b"".join([blake2b(t.encode(), digest_size=16).digest() for t in normal.to_list()])
    return np.frombuffer(digests, dtype="<u8").reshape(-1, 2).astype(np.uint64)


@dataclass(frozen=True)
class Shingles:
    """The hashes of each text's runs of n characters, text after text; a run that recurs stands again."""

    hashes: npt.NDArray[np.uint64]
    counts: Array

    @classmethod
    def of(cls, normal: pl.Series, n: int) -> "Shingles":
        """FNV-1a over the code points, its high half folded in: the same in every process and version."""
        points = code_points(normal).astype(np.uint64)
        size = normal.str.len_chars().to_numpy().astype(np.int64)
        counts = np.maximum(size - n + 1, 0)
        if not counts.any():
            return cls(np.empty(0, np.uint64), counts)
        # Every place is hashed, also those where a text ends within n characters: that reads memory in order.
        places = len(points) - n + 1
        value = np.full(places, _FNV_OFFSET)
        for i in range(n):
            value ^= points[i : i + places]
            value *= _FNV_PRIME
        value ^= value >> np.uint64(32)
        whole = np.ones(len(points), np.bool_)
        for i in range(1, n):
            whole[(offsets(size)[1:] - i)[size >= i]] = False
        return cls(value[whole[:places]], counts)

    def signatures(self, permutations: int) -> npt.NDArray[np.uint32]:
        """MinHash (Broder 1997) by rensa: (rows, permutations).

        The share of equal places of two rows estimates the Jaccard similarity of their sets.
        """
        bounds = offsets(self.counts)
        result = np.empty((len(self.counts), permutations), np.uint32)
        for first in range(0, len(self.counts), _CALL_ROWS):
            own = bounds[first : first + _CALL_ROWS + 1]
            matrix = RMinHash.digest_matrix_from_flat_token_hashes(
                self.hashes[own[0] : own[-1]], (own - own[0]).astype(np.uint64), permutations, _SEED
            )
            result[first : first + _CALL_ROWS] = matrix.to_rows()
        return result
