"""The files of a bundle in memory: each is opened once, and the bytes that were hashed are the bytes that are loaded.

An exchange of a file between a check and a second opening would make the check worthless. Files of tensors, which are most of a
bundle, are arrays, since the network's tables then lie in the memory that they were read into.
"""

import hashlib
import io
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mgm.bundle.card import CARD, RECORD, check_card
from mgm.bundle.sealing import SUFFIX, SealingKey, open_sealed, open_sealed_array
from mgm.bundle.tensors import Bytes
from mgm.errors import MissingKey, StaleInput

FORMAT = 4
"""The version of the files' layout, of `config.json` and of the tensors' names."""
MANIFEST = "manifest.json"
SIGNATURE = "model.sig"
"""The signature's file in the bundle's folder; neither the manifest nor the signature covers it."""
UNLISTED = frozenset({MANIFEST, SIGNATURE, CARD, RECORD})
"""The files of a bundle that its manifest need not list."""
Content = bytes | Bytes
_TENSORS = ".safetensors"
_MAX_MANIFEST_BYTES = 1 << 20
_FILE_NAME = re.compile(r"[^/\\\0]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class BundleContents:
    """The files of a bundle as they lie in its folder, by name; a sealed one has the suffix `.age`."""

    folder: Path
    """Where they were read, for messages."""
    files: Mapping[str, Content]
    listed: Mapping[str, str]
    """The SHA-256 of the files that the manifest lists, by name, before any was sealed."""

    @property
    def id(self) -> str:
        """The hash of the manifest, and through it of every file that it lists."""
        return hashlib.sha256(memory_of(self.files[MANIFEST])).hexdigest()

    @property
    def sealed(self) -> list[str]:
        """The listed files that are sealed."""
        return [name for name in self.listed if name not in self.files]


def read_contents(folder: Path) -> BundleContents:
    """Return the files of a bundle's folder. Memory: their size.

    Nothing is compared with a hash yet: see `check_contents`, and `signing.check_signature`.

    Raises:
        FileNotFoundError: there is no bundle, or a file that the manifest lists is missing.
        StaleInput: the format is that of another version.
        ValueError: the manifest is none or lists what no file of this folder can be, a file is no regular one or is not
            listed, or the folder is named for another bundle.
    """
    if not (folder / MANIFEST).is_file():
        raise FileNotFoundError(f"{folder}: no bundle here ({MANIFEST} is missing)")
    manifest = bytes(_read_once(folder / MANIFEST, max_bytes=_MAX_MANIFEST_BYTES))
    listed = _parse_manifest(manifest, folder / MANIFEST)
    names = {entry.name for entry in os.scandir(folder)}
    for name in sorted(names - set(listed) - {f"{name}{SUFFIX}" for name in listed} - UNLISTED):
        raise ValueError(f"{folder / name}: not a file of this bundle: {MANIFEST} does not list it")
    for name in listed:
        forms = sorted({name, f"{name}{SUFFIX}"} & names)
        if not forms:
            raise FileNotFoundError(f"{folder / name}: missing, although {MANIFEST} lists it")
        if len(forms) > 1:
            raise ValueError(
                f"{folder / name}: there both in the clear and sealed ({forms[1]}); expected one of the two"
            )
    others = {name: _read_once(folder / name) for name in sorted(names - {MANIFEST})}
    contents = BundleContents(folder=folder, files={MANIFEST: manifest} | others, listed=listed)
    if _SHA256.fullmatch(folder.name) and folder.name != contents.id:
        raise ValueError(f"{folder}: holds bundle {contents.id}, not the one it is named for")
    return contents


def open_contents(contents: BundleContents, key: SealingKey | None) -> BundleContents:
    """Return the files of a bundle with none sealed. Memory: their size.

    Raises:
        MissingExtra: the extra `encrypt` is not installed.
        MissingKey: a file is sealed, and there is no key.
        ValueError: a file was sealed with another key, or altered since.
    """
    if not contents.sealed:
        return contents
    files = dict(contents.files)
    for name in contents.sealed:
        path = contents.folder / f"{name}{SUFFIX}"
        files[name] = _open(files.pop(path.name), path, key=key)
    return replace(contents, files=files)


def read_listed(folder: Path, name: str, *, key: SealingKey | None) -> bytes:
    """Return one file that the manifest lists, sealed or not, without reading the others.

    Raises:
        FileNotFoundError: there is no bundle or no such file.
        StaleInput, ValueError: see `read_contents` and `open_contents`; or the file was altered.
    """
    manifest = bytes(_read_once(folder / MANIFEST, max_bytes=_MAX_MANIFEST_BYTES))
    listed = _parse_manifest(manifest, folder / MANIFEST)
    path = folder / f"{name}{SUFFIX}"
    content = _open(_read_once(path), path, key=key) if path.is_file() else _read_once(folder / name)
    _check_hash(content, listed.get(name), path=folder / name)
    return bytes(content)


def memory_of(content: Content) -> bytes | memoryview:
    """Return a file's content as functions take it that read bytes, without a copy."""
    return content if isinstance(content, bytes) else content.data


def check_contents(contents: BundleContents) -> None:
    """Compare every file of a bundle with the manifest's hash, and the model card with its own; sealed files must be open.

    Raises:
        FileNotFoundError: there is a record of a card, and no card.
        ValueError: a file was altered, or the card is not this bundle's.
    """
    for name, expected in contents.listed.items():
        _check_hash(contents.files[name], expected, path=contents.folder / name)
    if CARD not in contents.listed:  # bundles saved by earlier versions list a card without metrics
        check_card(contents.folder, contents.id, files=contents.files)


def _check_hash(content: Content, expected: str | None, *, path: Path) -> None:
    sha256 = hashlib.sha256(memory_of(content)).hexdigest()
    if sha256 != expected:
        raise ValueError(
            f"{path}: altered since the bundle was saved: sha256 {sha256}; expected {expected} of {MANIFEST}"
        )


def _open(content: Content, path: Path, *, key: SealingKey | None) -> Content:
    if key is None:
        raise MissingKey(f"{path}: sealed, and no key that opens it is set")
    opens = open_sealed_array if path.stem.endswith(_TENSORS) else open_sealed
    return opens(bytes(content), key, path=path)


def _parse_manifest(content: bytes, path: Path) -> dict[str, str]:
    """Return the hashes of the files that a manifest lists."""
    try:
        manifest: Any = json.loads(content)
        version = manifest.get("format")
    except (ValueError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path}: not the manifest of a bundle: {error}") from error
    if version != FORMAT:
        raise StaleInput(
            path,
            f"bundle format {version!r}: expected {FORMAT}; the model must be trained again",
            made_by="train",
        )
    listed = manifest.get("files")
    if not isinstance(listed, dict):
        raise ValueError(f"{path}: files: {type(listed).__name__}: expected the hashes of files by name")
    for name, sha256 in listed.items():
        if not _FILE_NAME.fullmatch(name) or name in {".", "..", MANIFEST, SIGNATURE}:
            raise ValueError(f"{path}: files: {name!r}: expected the name of a file in the bundle's folder")
        if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
            raise ValueError(f"{path}: files: {name}: {sha256!r:.80}: expected a SHA-256 in hexadecimal")
    return listed


def _read_once(path: Path, *, max_bytes: int | None = None) -> Content:
    """Return the bytes of a regular file; one that would wait or has no end, such as a pipe or a device, is not read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise ValueError(f"{path}: not a regular file; expected a file of the bundle")
        if max_bytes is not None and facts.st_size > max_bytes:
            raise ValueError(f"{path}: {facts.st_size:,} bytes; expected at most {max_bytes:,}")
        with os.fdopen(descriptor, "rb", closefd=False, buffering=0) as file:
            return _read_array(file, facts.st_size) if path.suffix == _TENSORS else file.read()
    finally:
        os.close(descriptor)


def _read_array(file: io.FileIO, size: int) -> Bytes:
    """Return at most `size` bytes: those of the file, unless it grows meanwhile."""
    content = np.empty(size, dtype=np.uint8)
    rest = content.data
    while count := file.readinto(rest):
        rest = rest[count:]
    return content[: size - len(rest)]
