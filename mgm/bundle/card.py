"""The model card beside a bundle's files: made of test metrics, which do not exist yet when the bundle is saved.

So the manifest, whose hash is the bundle's id, does not list it; a record beside it states its hash and its bundle.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mgm.files import file_sha256, write_json

CARD, RECORD = "card.md", "card.json"


def add_card(folder: Path, identity: str, *, text: str) -> None:
    """Write the card of the bundle `identity`, which lies in `folder`, and its record."""
    (folder / CARD).write_text(text, encoding="utf-8")
    write_json(folder / RECORD, {"bundle": identity, "sha256": file_sha256(folder / CARD)})


def check_card(folder: Path, identity: str, *, files: Mapping[str, Any]) -> None:
    """Check that the card is the one that was added, and of this bundle. A bundle that was not promoted has none.

    Args:
        folder: where the bundle lies, for messages.
        identity: the bundle's id.
        files: its files by name.

    Raises:
        FileNotFoundError: there is a record, and no card.
        ValueError: the card was altered, has no record, or is that of another bundle; or the record is none.
    """
    card, record = folder / CARD, folder / RECORD
    if CARD not in files and RECORD not in files:
        return
    if RECORD not in files:
        raise ValueError(f"{card}: a model card without its record {RECORD}, so nothing vouches for it")
    if CARD not in files:
        raise FileNotFoundError(f"{card}: missing, although {RECORD} is there")
    try:
        expected = dict(json.loads(files[RECORD]))
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{record}: not the record of a model card: {error}") from error
    if expected.get("bundle") != identity:
        raise ValueError(
            f"{record}: of bundle {expected.get('bundle')}, expected that of this one, {identity}"
        )
    sha256 = hashlib.sha256(files[CARD]).hexdigest()
    if expected.get("sha256") != sha256:
        raise ValueError(
            f"{card}: altered since it was added: sha256 {sha256}; expected {expected.get('sha256')} of {RECORD}"
        )
