"""The features of a corpus on disk are those that were written, or an error names the file."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from mgm.corpus.parts import MANIFEST, write_manifest
from mgm.errors import AlteredInput
from mgm.text.feature_tables import read_feature_parts, write_feature_part
from mgm.text.features import FeaturePart

PART = FeaturePart(
    pl.DataFrame({"doc_id": ["a", "文"], "word": [[0, 1], [1]]}),
    pl.DataFrame({"text": ["x", "好"], "id": [3, 0]}),
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_manifest(Path(), [write_feature_part(PART, Path(), index=0, input_sha256="")])


def cut_rows(path: Path) -> None:
    pl.read_ipc(path).head(1).write_ipc(path, compression="uncompressed")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def test_parts_are_read_as_written() -> None:
    (part,) = read_feature_parts(Path())
    assert part.documents.equals(PART.documents) and part.types.equals(PART.types)


@pytest.mark.parametrize("name", ["part-00000.arrow", "part-00000.types.arrow"], ids=["documents", "types"])
@pytest.mark.parametrize(
    ("alter", "message"),
    [
        (cut_rows, r"was altered since both were written: SHA-256 of both \w{12}; expected \w{12}$"),
        (empty, "was altered since both were written"),
        (Path.unlink, "gone; expected the file that part-00000.arrow was written with"),
    ],
    ids=["fewer rows", "empty", "deleted"],
)
def test_altered_file_is_named(name: str, alter: Callable[[Path], object], message: str) -> None:
    alter(Path(name))
    with pytest.raises(AlteredInput, match=f"{name}.*{message}"):
        read_feature_parts(Path())


def test_manifest_with_other_rows_than_the_file() -> None:
    Path(MANIFEST).write_text(Path(MANIFEST).read_text().replace('"rows": 2', '"rows": 1'))
    with pytest.raises(AlteredInput, match=r"part-00000.arrow: 2 rows; expected 1"):
        read_feature_parts(Path())
