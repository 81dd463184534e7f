"""The vectors of an encoder as columns of features.

`encoder_vector`, array[f32, D]: of the document. `encoder_words`, binary: of its words, (n,D) in float16, row by row.
Of an encoder that is trained, features have the pieces in place of vectors: `encoder_piece`, list[i32], and of words the first piece and
the one after the last, counted from the document's first: `encoder_start`, `encoder_stop`, list[i32].

Axes: B documents, N words, D width.
"""

from itertools import pairwise

import numpy as np
import polars as pl

from mgm.pretrained.pieces import Pieces
from mgm.text.list_columns import offsets, unflatten

DOCUMENT, WORDS = "encoder_vector", "encoder_words"
PIECE, START, STOP = "encoder_piece", "encoder_start", "encoder_stop"
COLUMNS = (DOCUMENT, WORDS, PIECE, START, STOP)


def vector_columns(
    vectors: np.ndarray, words: np.ndarray | None, *, word_count: np.ndarray
) -> list[pl.Series]:
    """Return the columns of vectors (B,D) of documents and, if there are any, (N,D) of words."""
    columns = [pl.Series(DOCUMENT, vectors, dtype=pl.Array(pl.Float32, vectors.shape[1]))]
    if words is not None:
        bounds = offsets(word_count).tolist()
        rows = [words[first:last].tobytes() for first, last in pairwise(bounds)]
        columns.append(pl.Series(WORDS, rows, dtype=pl.Binary))
    return columns


def piece_columns(pieces: Pieces) -> list[pl.Series]:
    """Return the columns of pieces."""
    return [
        unflatten(pl.Series(values.astype(np.int32)), count, name=name)
        for name, values, count in (
            (PIECE, pieces.ids, pieces.count),
            (START, pieces.start, pieces.word_count),
            (STOP, pieces.stop, pieces.word_count),
        )
    ]


def document_vectors(documents: pl.DataFrame) -> np.ndarray | None:
    """Return the vectors (B,D) of documents; None where features have none."""
    if DOCUMENT not in documents.columns:
        return None
    return documents[DOCUMENT].to_numpy(writable=True)


def word_vectors(documents: pl.DataFrame) -> np.ndarray | None:
    """Return the vectors (N,D) of the words of documents, in float32; None where features have none."""
    if WORDS not in documents.columns:
        return None
    values = np.frombuffer(b"".join(documents[WORDS].to_list()), np.float16)
    return values.reshape(-1, vector_width(documents)).astype(np.float32)


def vector_width(documents: pl.DataFrame) -> int:
    """Return the width D of the encoder's vectors; 0 where features have none."""
    dtype = documents.schema.get(DOCUMENT)
    return dtype.size if isinstance(dtype, pl.Array) else 0
