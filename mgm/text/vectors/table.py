"""The table of word vectors that a network starts from, with a row for each word of the vocabulary.

vectors.npy: float32 (V+1, D); row i is the word with the id i. A row of zeros has no vector, as always row 0, the unknown word.
vectors.json: the origin of the vectors. Without vectors (`source: none`) there is only vectors.json.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mgm.errors import MissingInput, StaleInput
from mgm.files import read_json, write_json

VectorTable = npt.NDArray[np.float32]

TABLE_FILE, METADATA_FILE = "vectors.npy", "vectors.json"


def has_vector(table: VectorTable) -> npt.NDArray[np.bool_]:
    """Return which rows of a table hold a vector: (V+1,)."""
    return np.any(table != 0, axis=1)


def describe_vectors(
    table: VectorTable | None, *, source: str, algorithm: str | None, vocabulary_sha256: str
) -> dict[str, Any]:
    """Return the content of vectors.json.

    It has the source, the algorithm (of trained vectors), the dimensions, the number of words with a vector and their share of the
    vocabulary, and the hash of the vocabulary's file.
    """
    num_vectors = 0 if table is None else int(has_vector(table).sum())
    num_words = 0 if table is None else len(table) - 1
    return {
        "source": source,
        "algorithm": algorithm,
        "dimensions": None if table is None else table.shape[1],
        "words": num_vectors,
        "coverage": round(num_vectors / num_words, 6) if num_words else None,
        "vocabulary_sha256": vocabulary_sha256,
    }


def save_vectors(folder: Path, table: VectorTable | None, *, metadata: dict[str, Any]) -> None:
    """Write the table and its metadata, which `describe_vectors` returns."""
    folder.mkdir(parents=True, exist_ok=True)
    if table is not None:
        np.save(folder / TABLE_FILE, table, allow_pickle=False)
    write_json(folder / METADATA_FILE, metadata)


def load_vectors(folder: Path, vocabulary_sha256: str) -> VectorTable | None:
    """Read the table that `save_vectors` wrote; None if there are no vectors.

    Raises:
        MissingInput: nothing was saved here.
        StaleInput: the rows are words of another vocabulary.
    """
    path = folder / METADATA_FILE
    if not path.is_file():
        raise MissingInput(path, "no such file", made_by="vectors")
    metadata = read_json(path)
    if metadata["vocabulary_sha256"] != vocabulary_sha256:
        raise StaleInput(path, "not made from the present vocabulary", made_by="vectors")
    if metadata["source"] == "none":
        return None
    table: VectorTable = np.load(folder / TABLE_FILE, allow_pickle=False)
    return table
