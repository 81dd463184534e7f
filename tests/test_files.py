"""Files that are replaced whole, and their hashes."""

import hashlib
from pathlib import Path

import pytest

from mgm import files


def test_json_of_equal_content_is_equal_bytes(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "content.json"
    files.write_json(path, {"b": [1, 2.5], "a": "中"})
    first = path.read_bytes()
    assert first.decode() == '{\n "a": "中",\n "b": [\n  1,\n  2.5\n ]\n}\n'
    files.write_json(path, {"a": "中", "b": [1, 2.5]})
    assert path.read_bytes() == first
    assert files.read_json(path) == {"a": "中", "b": [1, 2.5]}


def test_after_an_error_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "table"
    files.write_text(path, "old")
    with pytest.raises(RuntimeError, match="half-way"), files.replacing(path) as temporary:
        temporary.write_text("new, but only ha")
        raise RuntimeError("half-way")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_fingerprint_is_of_values_and_not_of_their_order(tmp_path: Path) -> None:
    assert files.fingerprint({"a": 1, "b": 2}) == files.fingerprint({"b": 2, "a": 1})
    assert files.fingerprint({"a": 1}) != files.fingerprint({"a": 2})
    (tmp_path / "file").write_bytes(b"bytes")
    assert files.file_sha256(tmp_path / "file") == hashlib.sha256(b"bytes").hexdigest()
