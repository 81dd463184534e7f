"""Bundles sealed for a key, or for another one: the same bundle, with the same id."""

from pathlib import Path

from mgm.bundle.contents import SIGNATURE, UNLISTED, check_contents, open_contents, read_contents
from mgm.bundle.sealing import SUFFIX, SealingKey, seal


def seal_bundle(source: Path, target: Path, *, key: SealingKey, opening: SealingKey | None = None) -> None:
    """Write a bundle into a new folder, each file that its manifest lists sealed with the key's first identity.

    The manifest and the model card stay readable. A signature is left out, since it is of the files as they were.

    Args:
        source: the bundle.
        target: the new folder.
        key: seals it.
        opening: the key that opens it where it is sealed already; None: `key`.

    Raises:
        FileNotFoundError, MissingExtra, StaleInput, ValueError: see the functions of `contents`; nothing is sealed that was altered.
    """
    contents = open_contents(read_contents(source), opening or key)
    check_contents(contents)
    target.mkdir(parents=True)
    for name, content in contents.files.items():
        if name in contents.listed:
            (target / f"{name}{SUFFIX}").write_bytes(seal(bytes(content), key))
        elif name in UNLISTED - {SIGNATURE}:
            (target / name).write_bytes(bytes(content))
