"""The model card beside a bundle's files: made of test metrics, which do not exist yet when the bundle is saved.

So the manifest, whose hash is the bundle's id, does not list it; a record beside it states its hash and its bundle.
"""

import hashlib
import json
from pathlib import Path

CARD, RECORD = "card.md", "card.json"


def add_card(folder: Path, identity: str, text: str) -> None:
    """Writes the card of the bundle `identity`, which lies in `folder`, and its record."""
    (folder / CARD).write_text(text, encoding="utf-8")
    record = {"bundle": identity, "sha256": sha256_of(folder / CARD)}
    (folder / RECORD).write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def check_card(folder: Path, identity: str) -> None:
    """That the card is the one that was added, and of this bundle. A bundle that was not promoted has none.

    Raises:
        FileNotFoundError: there is a record, and no card.
        ValueError: the card was altered, has no record, or is that of another bundle.
    """
    card, record = folder / CARD, folder / RECORD
    if not card.exists() and not record.exists():
        return
    if not record.is_file():
        raise ValueError(f"{card}: a model card without its record {RECORD}, so nothing vouches for it")
    if not card.is_file():
        raise FileNotFoundError(f"{card}: missing, although {RECORD} is there")
    said = json.loads(record.read_text(encoding="utf-8"))
    if said.get("bundle") != identity:
        raise ValueError(f"{record}: of bundle {said.get('bundle')}, expected that of this one, {identity}")
    found = sha256_of(card)
    if said.get("sha256") != found:
        raise ValueError(
            f"{card}: altered since it was added: sha256 {found}, {RECORD} says {said.get('sha256')}"
        )


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
