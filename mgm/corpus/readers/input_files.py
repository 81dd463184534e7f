"""The files of an input: a file or a folder on disk, or a key or a prefix of an object store (s3://bucket/key)."""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import fs

from mgm.object_store import S3, at_endpoint, explain_failure, open_bucket

GIGABYTE = 1_000_000_000
BUFFER_BYTES = 4 << 20
"""Bytes that are read at a time: a request to an object store takes as long as some megabytes of its answer."""
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
"""The compressions of text files, by the last suffix of a file's name."""

_DELTA_LOG = "_delta_log"

_LOCAL = fs.LocalFileSystem()


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file of an input; as a string it is its name in messages. There may be millions, so its other names are parts of this one."""

    name: str
    start: int
    """Where the path below the input begins in the name."""
    size: int
    """The number of bytes as stored, compressed or not."""
    system: fs.FileSystem

    def __str__(self) -> str:
        return self.name

    @property
    def relative(self) -> str:
        """The path below the input, with `/`; of an input that is one file, the file's name."""
        return self.name[self.start :]

    @property
    def path(self) -> str:
        """The path in the file system."""
        return self.name if self.system is _LOCAL else self.name.removeprefix(S3)

    @property
    def is_local(self) -> bool:
        """Whether it is on a disk."""
        return isinstance(self.system, fs.LocalFileSystem)

    @property
    def suffixes(self) -> list[str]:
        """The suffixes of the file's name in lower case, such as .jsonl and .gz."""
        name = self.name[self.name.rfind("/") + 1 :].lower()
        return [] if name.endswith(".") else [f".{suffix}" for suffix in name.lstrip(".").split(".")[1:]]

    @property
    def compression(self) -> str | None:
        """The compression that the file's name says."""
        return COMPRESSIONS.get(self.suffixes[-1]) if self.suffixes else None

    def stream(self) -> pa.NativeFile:
        """Open the bytes in order, decompressed according to the name."""
        try:
            return self.system.open_input_stream(
                self.path, compression=self.compression, buffer_size=BUFFER_BYTES
            )
        except (pa.ArrowInvalid, OSError) as error:
            raise ValueError(f"{self}: cannot be opened: {error}") from error

    def random_access(self) -> pa.NativeFile:
        """Open the bytes for reading at any place."""
        try:
            return self.system.open_input_file(self.path)
        except (pa.ArrowInvalid, OSError) as error:
            raise ValueError(f"{self}: cannot be opened: {error}") from error


@dataclass(frozen=True)
class FileGroup:
    """Some of the files of an input, in their order, which are read as an input of their own."""

    files: tuple[InputFile, ...]

    def __str__(self) -> str:
        return f"{self.files[0]} to {self.files[-1]}"


Source = str | Path | InputFile | FileGroup


class UnpacksTooLarge(ValueError):
    """A file that unpacks to more than it may."""


class Unpacked:
    """The bytes that a file has unpacked to.

    Args:
        max_unpacked: the gigabytes that are allowed; a file that is stored as it is may have any number.
    """

    def __init__(self, file: InputFile, max_unpacked: float) -> None:
        self.file, self.max_unpacked = file, max_unpacked
        self.bytes = 0

    def add(self, count: int) -> None:
        """Count more bytes.

        Raises:
            UnpacksTooLarge: they are too many.
        """
        self.bytes += count
        if self.bytes > max(self.max_unpacked * GIGABYTE, self.file.size):
            raise UnpacksTooLarge(
                f"{self.file}: unpacks to more than {self.max_unpacked:g} GB ({self.file.size:,} bytes as stored)"
            )


def read_block(file: InputFile, stream: pa.NativeFile, *, size: int) -> bytes:
    """Return the next bytes of a file's stream, none at its end.

    Raises:
        ValueError: the file is damaged.
    """
    try:
        block: bytes = stream.read(size)
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{file}: damaged: {one_line(error)}") from error
    return block


def read_into(file: InputFile, stream: pa.NativeFile, *, buffer: memoryview) -> int:
    """Read the next bytes of a file's stream into a buffer, and return their number, 0 at its end.

    Raises:
        ValueError: the file is damaged.
    """
    try:
        count: int = stream.readinto(buffer)
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{file}: damaged: {one_line(error)}") from error
    return count


def one_line(error: object) -> str:
    """Return the message of an error on one line."""
    return " ".join(str(error).split())


def find_files(source: Source) -> list[InputFile]:
    """Return the files of an input in the order of their paths, the same on disk and in an object store.

    Not among them are files and folders whose names begin with a point, and files whose names begin with `_`.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: no files in a folder, an unknown scheme, an object store that does not answer or refuses, a
            name that is not UTF-8.
    """
    if isinstance(source, InputFile | FileGroup):
        return [source] if isinstance(source, InputFile) else list(source.files)
    files = _in_store(str(source)) if str(source).startswith(S3) else _on_disk(source)
    if not files:
        raise ValueError(f"{source}: the folder holds no files")
    for file in files:
        try:
            file.name.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(f"{file.name!a}: the file's name is not UTF-8") from error
    return files


def _on_disk(source: str | Path) -> list[InputFile]:
    if scheme := re.match(r"([A-Za-z][A-Za-z0-9+.-]+):/", str(source)):
        hint = " (did you mean 's3://'?)" if scheme[1] == "s3" else ""
        raise ValueError(f"{source}: unknown scheme {scheme[1]!r}; expected a path, or s3://bucket/key{hint}")
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    if path.is_file():
        return [InputFile(str(path), len(str(path)) - len(path.name), path.stat().st_size, _LOCAL)]
    if not path.is_dir():
        raise ValueError(f"{path}: expected a file or a folder, found neither (a pipe or a device)")
    return list(_files_below(path))


def _files_below(folder: Path) -> Iterator[InputFile]:
    """Yield the visible files below a folder, also through links, in the order of their paths."""
    start = len(str(folder / "_")) - 1
    places = {_identity(folder): folder}
    waiting = [iter(_paths_in(folder))]
    while waiting:
        place = next(waiting[-1], None)
        if place is None:
            waiting.pop()
            continue
        try:
            facts = os.stat(place)
        except OSError as error:
            found = "a link to nothing" if Path(place).is_symlink() else str(error.strerror)
            raise ValueError(f"{place}: {found}; expected a file") from error
        if stat.S_ISDIR(facts.st_mode):
            _check_folder(Path(place), places)
            waiting.append(iter(_paths_in(Path(place))))
        elif not _is_visible(place.rsplit("/", 1)[1:]):
            continue
        elif not stat.S_ISREG(facts.st_mode):
            raise ValueError(f"{place}: a pipe or a device; expected a file")
        else:
            yield InputFile(place, start, facts.st_size, _LOCAL)


def _paths_in(folder: Path) -> Iterator[str]:
    """Yield the paths in a folder by name, without those that are hidden. Memory: the names."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise ValueError(f"{error.filename}: {error.strerror}; expected a folder that can be read") from error
    names.sort()
    prefix = str(folder / "_")[:-1]
    for name in names:
        if not name.startswith("."):
            yield prefix + name


def _check_folder(path: Path, places: dict[tuple[int, int], Path]) -> None:
    """Check a folder below an input, and add it to the folders by identity."""
    # else links that meet in one folder double its files each time, and a loop never ends
    first = places.setdefault(_identity(path), path)
    is_above = path.is_symlink() and path.parent.resolve().is_relative_to(path.resolve())
    if first != path or is_above:
        is_above = is_above or path.is_relative_to(first)
        found = "that holds it" if is_above else f"that is here already as {first}"
        raise ValueError(f"{path}: a link to a folder {found}; expected files, or folders of them")
    if path.name == _DELTA_LOG:
        raise ValueError(
            f"{path.parent}: a Delta table, whose files also hold rows that are deleted; expected its rows in "
            f"files of their own"
        )


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _is_visible(parts: Sequence[str]) -> bool:
    return not parts[-1].startswith("_") and not any(part.startswith(".") for part in parts)


def _in_store(source: str) -> list[InputFile]:
    bucket, _, key = source.removeprefix(S3).strip("/").partition("/")
    if not bucket:
        raise ValueError(f"{source}: no bucket; expected s3://bucket/key")
    try:
        system = open_bucket(bucket)
        place = f"{bucket}/{key}".rstrip("/")
        info = system.get_file_info(place)
        if info.type == fs.FileType.NotFound:
            there = key and system.get_file_info(bucket).type != fs.FileType.NotFound
            missing = "no such key, and none below it" if there else f"no such bucket: {bucket!r}"
            raise FileNotFoundError(f"{source}: {missing}{at_endpoint()}")
        if info.type == fs.FileType.File:
            return [InputFile(S3 + place, len(S3) + place.rindex("/") + 1, info.size, system)]
        infos = system.get_file_info(fs.FileSelector(place, recursive=True))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(explain_failure(source, str(error))) from error
    start = len(S3) + len(place) + 1
    files = (
        InputFile(S3 + i.path, start, i.size, system)
        for i in infos
        if i.type == fs.FileType.File and _is_visible(i.path[len(place) + 1 :].split("/"))
    )
    # as paths are ordered on disk: by their parts, one after another
    return sorted(files, key=lambda file: file.relative.replace("/", "\0"))
