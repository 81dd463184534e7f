"""Files sealed with age (https://age-encryption.org/v1), and the keys that seal and open them.

A sealed file lies under its name and `.age`, and `age -d -i KEY` opens it, too. Opening is done in memory alone. What binds the
content to its name and its bundle is the manifest, whose hashes are of the opened files.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from mgm.bundle.tensors import Bytes
from mgm.errors import MissingExtra

SUFFIX = ".age"
_SECRET = "AGE-SECRET-KEY-"


@dataclass(frozen=True, kw_only=True)
class SealingKey:
    """Identities of age: the first one seals, each one opens."""

    identities: tuple[str, ...] = field(repr=False)
    source: str
    """Where they were read, for messages."""

    @classmethod
    def parse(cls, text: str, source: str) -> Self:
        """Return the key of a file of age's identities: one a line, comments begin with #.

        Raises:
            MissingExtra: the extra `encrypt` is not installed.
            ValueError: there is no identity, or a line is none; the message does not show it.
        """
        lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
        identities = []
        for number, line in lines:
            if not line or line.startswith("#"):
                continue
            try:
                _library().x25519.Identity.from_str(line)
            except _library().IdentityError as error:
                raise ValueError(f"{source}: line {number}: expected {_SECRET}1...: {error}") from None
            identities.append(line)
        if not identities:
            raise ValueError(f"{source}: no key in it; expected a line {_SECRET}1...")
        return cls(identities=tuple(identities), source=source)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the key of a file; see `parse`.

        Raises:
            FileNotFoundError: there is no such file.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file; expected a key that opens sealed bundles")
        return cls.parse(path.read_text(encoding="utf-8", errors="replace"), str(path))


def generate_key() -> str:
    """Return the text of a file with a new key, as `age-keygen` writes it.

    Raises:
        MissingExtra: the extra `encrypt` is not installed.
    """
    identity = _library().x25519.Identity.generate()
    return f"# public key: {identity.to_public()}\n{identity}\n"


def write_key(path: Path) -> None:
    """Write a file with a new key, for its owner's eyes alone.

    Raises:
        FileExistsError: it is there; keys are not overwritten.
        MissingExtra: the extra `encrypt` is not installed.
    """
    content = generate_key()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise FileExistsError(f"{path}: is there already, and keys are not overwritten") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)


def seal(content: bytes, key: SealingKey) -> bytes:
    """Return the content so that only the first identity of the key opens it."""
    identity = _library().x25519.Identity.from_str(key.identities[0])
    return bytes(_library().encrypt(content, [identity.to_public()]))


def recipient(key: SealingKey) -> str:
    """Return the public half of the key that seals."""
    return str(_library().x25519.Identity.from_str(key.identities[0]).to_public())


def open_sealed(content: bytes, key: SealingKey, *, path: Path) -> bytes:
    """Return what was sealed.

    Raises:
        MissingExtra: the extra `encrypt` is not installed.
        ValueError: it was sealed with another key, or altered; the message names the path.
    """
    with _refused(key, path) as identities:
        return bytes(_library().decrypt(content, identities))


def open_sealed_array(content: bytes, key: SealingKey, *, path: Path) -> Bytes:
    """Return what was sealed as an array that can be written to, opened piece by piece; see `open_sealed`."""
    opened = _Array(len(content))
    with _refused(key, path) as identities:
        _library().decrypt_io(io.BytesIO(content), opened, identities)
    return opened.content[: opened.size]


class _Array(io.RawIOBase):
    """An array that is written to like a file; what was sealed is shorter than its sealed form."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.content, self.size = np.empty(size, dtype=np.uint8), 0

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, piece: Any) -> int:
        """Append bytes."""
        end = self.size + len(piece)
        self.content[self.size : end] = np.frombuffer(piece, dtype=np.uint8)
        self.size = end
        return len(piece)


@contextmanager
def _refused(key: SealingKey, path: Path) -> Iterator[list[Any]]:
    """Yield the identities of a key, and raise what the library does not open as an error that names the path."""
    try:
        yield [_library().x25519.Identity.from_str(text) for text in key.identities]
    except (_library().DecryptError, OSError) as error:
        if "No matching keys" in str(error):
            raise ValueError(f"{path}: sealed with another key than that of {key.source}") from error
        raise ValueError(f"{path}: not as it was sealed: {error}") from error


def _library() -> Any:
    try:
        import pyrage
    except ImportError as error:
        raise MissingExtra(
            "a key of sealed bundles is set, but pyrage is not installed", extra="encrypt"
        ) from error
    return pyrage
