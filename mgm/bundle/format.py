"""The files of a bundle, and the manifest of their hashes, whose own hash is the bundle's id."""

from pathlib import Path

from mgm.bundle.card import CARD, check_card
from mgm.errors import StaleInput
from mgm.files import file_sha256, read_json, write_json

FORMAT = 4
"""The version of the files' layout, of `config.json` and of the tensors' names."""
MANIFEST = "manifest.json"
WEIGHTS, CONFIG, VOCABULARY = "weights.safetensors", "config.json", "vocabulary.parquet"
PROFILE = "profile.json"


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


def verify(folder: Path) -> None:
    """Compare every file of a bundle with the manifest's hash, and the model card with its own.

    Raises:
        FileNotFoundError: a file is missing.
        StaleInput: the format is that of another version.
        ValueError: a file was altered, or the card is not this bundle's.
    """
    try:
        manifest = read_json(folder / MANIFEST)
    except ValueError as error:
        raise ValueError(f"{folder / MANIFEST}: not the manifest of a bundle: {error}") from error
    if manifest.get("format") != FORMAT:
        raise StaleInput(
            folder / MANIFEST,
            f"bundle format {manifest.get('format')!r}: expected {FORMAT}; the model must be trained again",
            made_by="train",
        )
    for name, expected in manifest["files"].items():
        path = folder / name
        if not path.is_file():
            raise FileNotFoundError(f"{path}: missing, although {MANIFEST} lists it")
        sha256 = file_sha256(path)
        if sha256 != expected:
            raise ValueError(
                f"{path}: altered since the bundle was saved: sha256 {sha256}; expected {expected} of {MANIFEST}"
            )
    if CARD not in manifest["files"]:  # bundles saved by earlier versions list a card without metrics
        check_card(folder, bundle_id(folder))
