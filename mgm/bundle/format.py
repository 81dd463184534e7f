"""The names of a bundle's files, and the manifest of their hashes, whose own hash is the bundle's id."""

from pathlib import Path

from mgm.bundle.contents import FORMAT, MANIFEST, check_contents, open_contents, read_contents
from mgm.bundle.sealing import SealingKey
from mgm.files import file_sha256, write_json

WEIGHTS, CONFIG, VOCABULARY = "weights.safetensors", "config.json", "vocabulary.parquet"
PROFILE = "profile.json"

ENCODER_WEIGHTS, ENCODER_CONFIG, ENCODER_TOKENIZER = (
    "encoder.safetensors",
    "encoder.config.json",
    "encoder.tokenizer.json",
)
"""The files of a pretrained encoder, beside which its licence lies."""


def encoder_licence_file(name: str) -> str:
    """Return the name of a file of an encoder's licence."""
    return f"encoder.{name}"


def stopword_file(corpus: str | None) -> str:
    """Return the name of the file of a corpus's stopwords; None: of the general ones."""
    return "stopwords.txt" if corpus is None else f"stopwords.{corpus}.txt"


def dictionary_file(name: str) -> str:
    """Return the name of the file of a user's dictionary."""
    return f"dictionary.{name}"


def write_manifest(folder: Path) -> None:
    """Write the manifest of all files in a folder."""
    hashes = {path.name: file_sha256(path) for path in sorted(folder.iterdir())}
    write_json(folder / MANIFEST, {"format": FORMAT, "files": hashes})


def bundle_id(folder: Path) -> str:
    """Return the hash of a bundle's manifest, and through it of every file.

    Raises:
        FileNotFoundError: there is no bundle.
    """
    if not (folder / MANIFEST).is_file():
        raise FileNotFoundError(f"{folder}: no bundle here ({MANIFEST} is missing)")
    return file_sha256(folder / MANIFEST)


def verify(folder: Path, *, key: SealingKey | None = None) -> None:
    """Compare every file of a bundle with the manifest's hash, and the model card with its own.

    Args:
        folder: the bundle.
        key: opens it where it is sealed.

    Raises:
        FileNotFoundError, MissingKey, StaleInput, ValueError: see the functions of `contents`.
    """
    check_contents(open_contents(read_contents(folder), key))
