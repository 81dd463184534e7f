"""The features of a corpus on disk: a folder of parts, with its manifest."""

import hashlib
import mmap
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import overload

import polars as pl
import pyarrow as pa

from mgm.corpus.parts import Part, read_manifest
from mgm.errors import AlteredInput
from mgm.files import file_sha256
from mgm.text.features import FeaturePart, part_paths


class FeatureParts(Sequence[FeaturePart]):
    """The parts of a corpus's features, each of which is opened, and its hash checked, when it is first asked for."""

    def __init__(self, num_parts: int, open_part: Callable[[int], FeaturePart]) -> None:
        """Open no part yet; `open_part` gives the one of a number."""
        self._num_parts, self._open_part = num_parts, cache(open_part)

    def __len__(self) -> int:
        """Return the number of parts."""
        return self._num_parts

    @overload
    def __getitem__(self, index: int) -> FeaturePart: ...
    @overload
    def __getitem__(self, index: slice) -> list[FeaturePart]: ...
    def __getitem__(self, index: int | slice) -> FeaturePart | list[FeaturePart]:
        """Return the part of this number, or several."""
        numbers = range(self._num_parts)[index]
        return self._open_part(numbers) if isinstance(numbers, int) else [self._open_part(i) for i in numbers]


def read_feature_parts(folder: Path) -> list[FeaturePart]:
    """Return the parts of a corpus's features, memory-mapped.

    Raises:
        FileNotFoundError: there are no features, or their writing was not finished.
        AlteredInput: a file is gone, or it is not the one that was written.
    """
    return [
        read_feature_part(folder, index, part=part) for index, part in enumerate(read_manifest(folder).parts)
    ]


def read_feature_part(folder: Path, index: int, *, part: Part) -> FeaturePart:
    """Return one part of a corpus's features, memory-mapped. Its files are read once before, to check their hash.

    Args:
        part: the entry of part number `index` in the manifest.

    Raises:
        AlteredInput: a file is gone, or it is not the one that was written.
    """
    paths = part_paths(folder, index)
    try:
        hashes, contents = zip(*map(_map, paths), strict=True)
    except FileNotFoundError as error:
        raise AlteredInput(
            Path(error.filename), f"gone; expected the file that {part.name} was written with"
        ) from error
    sha256 = _join_hashes(hashes)
    if sha256 != part.sha256:
        raise AlteredInput(
            paths[0],
            f"it, or {paths[1].name} beside it, was altered since both were written: SHA-256 of both {sha256[:12]}; "
            f"expected {part.sha256[:12]}",
        )
    documents, types = map(_open, contents)
    if documents.height != part.rows:
        raise AlteredInput(
            paths[0], f"{documents.height:,} rows; expected {part.rows:,}, as the list of parts says"
        )
    return FeaturePart(documents, types)


def write_feature_part(part: FeaturePart, folder: Path, *, index: int, input_sha256: str) -> Part:
    """Write a part of a corpus's features, and return its entry in the manifest, whose hash is of both of its files."""
    paths = part.save(folder, index)
    return Part(paths[0].name, part.documents.height, _join_hashes(map(file_sha256, paths)), input_sha256)


def _join_hashes(hashes: Iterable[str]) -> str:
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def _map(path: Path) -> tuple[str, bytes | mmap.mmap]:
    """Return the hash of a file and its bytes, memory-mapped; both of one file, should another one take its name."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        # an empty file, which is never a part, cannot be mapped
        is_empty = not file.tell()
        return sha256, b"" if is_empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _open(content: bytes | mmap.mmap) -> pl.DataFrame:
    table = pl.from_arrow(pa.ipc.open_file(pa.py_buffer(content)).read_all())
    assert isinstance(table, pl.DataFrame)
    return table
