"""The table of word vectors that a network starts from: one row a word of the vocabulary.

vectors.npy: float32 (V+1, D), row = id of the vocabulary; a row of zeros: no vector, as always row 0, the unknown
word. vectors.json: where they come from. Without vectors (`source: none`) there is vectors.json alone.
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
    """Which rows of a table hold a vector: (V+1,)."""
    return np.any(table != 0, axis=1)


def describe_vectors(
    table: VectorTable | None, source: str, algorithm: str | None, vocabulary_sha256: str
) -> dict[str, Any]:
    """What vectors.json says: source, algorithm (of trained ones), dimensions, words with a vector and their share
    of the vocabulary, and the hash of the vocabulary's file."""
    known = 0 if table is None else int(has_vector(table).sum())
    words = 0 if table is None else len(table) - 1
    return {
        "source": source,
        "algorithm": algorithm,
        "dimensions": None if table is None else table.shape[1],
        "words": known,
        "coverage": round(known / words, 6) if words else None,
        "vocabulary_sha256": vocabulary_sha256,
    }


def save_vectors(folder: Path, table: VectorTable | None, content: dict[str, Any]) -> None:
    """Writes both files; `content` is what `facts` gave."""
    folder.mkdir(parents=True, exist_ok=True)
    if table is not None:
        np.save(folder / TABLE_FILE, table, allow_pickle=False)
    write_json(folder / METADATA_FILE, content)


def load_vectors(folder: Path, vocabulary_sha256: str) -> VectorTable | None:
    """The table that `save` wrote, None where there is none.

    Raises:
        MissingInput: nothing was saved here.
        StaleInput: the rows are those of another vocabulary.
    """
    path = folder / METADATA_FILE
    if not path.is_file():
        raise MissingInput(path, "no such file", made_by="vectors")
    content = read_json(path)
    if content["vocabulary_sha256"] != vocabulary_sha256:
        raise StaleInput(path, "not made from the present vocabulary", made_by="vectors")
    if content["source"] == "none":
        return None
    table: VectorTable = np.load(folder / TABLE_FILE, allow_pickle=False)
    return table
