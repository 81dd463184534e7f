"""The table of word vectors on disk."""

from pathlib import Path

import numpy as np
import pytest

from mgm.text.vectors.table import describe_vectors, load_vectors, save_vectors

FOUND = np.array([[0, 0], [1, 2], [0, 0], [-3, 4.5]], np.float32)


def test_a_table_is_saved_with_its_metadata(tmp_path: Path) -> None:
    facts = describe_vectors(FOUND, source="file", algorithm=None, vocabulary_sha256="c0ffee")
    assert (facts["words"], facts["coverage"], facts["dimensions"]) == (2, 0.666667, 2)
    save_vectors(tmp_path, FOUND, metadata=facts)
    loaded = load_vectors(tmp_path, "c0ffee")
    assert loaded is not None
    assert np.array_equal(loaded, FOUND)
    with pytest.raises(ValueError, match=r"not made from the present vocabulary"):
        load_vectors(tmp_path, "another")
    save_vectors(
        tmp_path / "none",
        None,
        metadata=describe_vectors(None, source="none", algorithm=None, vocabulary_sha256="c0ffee"),
    )
    assert [path.name for path in (tmp_path / "none").iterdir()] == ["vectors.json"]
    assert load_vectors(tmp_path / "none", "c0ffee") is None
    with pytest.raises(FileNotFoundError, match=r"vectors\.json: no such file"):
        load_vectors(tmp_path / "absent", "c0ffee")
