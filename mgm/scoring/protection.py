"""Texts of a night that are not left in the clear: the raw values of rejected documents, and the staged shards.

A sealed value is a file of age in Base64, which `open_values` opens.
"""

import base64
import binascii
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from mgm.bundle.sealing import SUFFIX, SealingKey, open_sealed, recipient, seal
from mgm.corpus.parts import ROW_GROUP, Part, read_part, write_part
from mgm.errors import AlteredInput, MissingKey
from mgm.settings.scoring import RejectValues

VALUES = "values"


@dataclass(frozen=True, kw_only=True)
class Protection:
    """How the texts of a night are kept.

    Raises:
        MissingKey: the values of rejects are to be sealed, and there is no key.
    """

    key: SealingKey | None = None
    """Seals what is staged; None: it is in the clear."""
    reject_values: RejectValues = "plain"
    """What becomes of the values of rejected documents."""

    def __post_init__(self) -> None:
        """Check that there is a key where one is needed."""
        if self.reject_values == "sealed" and self.key is None:
            raise MissingKey("score.reject_values: sealed: expected a key to seal them with")

    @property
    def facts(self) -> dict[str, Any]:
        """What of it determines staged rows; nothing where nothing is protected."""
        sealed_for = {} if self.key is None else {"sealed_for": recipient(self.key)}
        return sealed_for | ({} if self.reject_values == "plain" else {"reject_values": self.reject_values})

    def protect_values(self, rejects: pl.DataFrame) -> pl.DataFrame:
        """Return rejects with their values as the setting wants them."""
        if self.reject_values == "plain":
            return rejects
        if self.reject_values == "none" or self.key is None:
            return rejects.with_columns(pl.lit(None, pl.String).alias(VALUES))
        key = self.key
        sealed = [None if value is None else _seal_value(value, key) for value in rejects[VALUES]]
        return rejects.with_columns(pl.Series(VALUES, sealed, pl.String))


def open_values(rejects: pl.DataFrame, key: SealingKey) -> pl.DataFrame:
    """Return rejects whose values were sealed with the values in the clear.

    Raises:
        ValueError: a value is not sealed, or with another key; the message names its document.
    """
    rows = zip(rejects["doc_id"], rejects[VALUES], strict=True)
    opened = [None if value is None else _open_value(value, key, doc_id=doc_id) for doc_id, value in rows]
    return rejects.with_columns(pl.Series(VALUES, opened, pl.String))


def write_staged(
    folder: Path, frame: pl.DataFrame, *, schema: pl.Schema, input_sha256: str, key: SealingKey | None
) -> Part:
    """Write a staged table as one file, sealed before it is on the disk where there is a key, and return its entry."""
    if key is None:
        return write_part(folder, 0, frame=frame, schema=schema, input_sha256=input_sha256)
    buffer = io.BytesIO()
    frame.select(schema.names()).cast(schema).write_parquet(
        buffer, compression="zstd", row_group_size=ROW_GROUP, statistics=False
    )
    content = seal(buffer.getvalue(), key)
    name = f"part-00000.parquet{SUFFIX}"
    (folder / name).write_bytes(content)
    return Part(name, frame.height, hashlib.sha256(content).hexdigest(), input_sha256)


def read_staged(
    folder: Path, part: Part, *, key: SealingKey | None, columns: Sequence[str] | None
) -> pl.DataFrame:
    """Return the rows of a staged table, from bytes that have the hash of its entry. Memory: the file's bytes, and the frame.

    Raises:
        AlteredInput: the file is gone, or it is not the one that was written.
    """
    chosen = None if columns is None else list(columns)
    if not part.name.endswith(SUFFIX):
        return read_part(folder, part, columns=chosen)
    path = folder / part.name
    if key is None:
        raise AlteredInput(path, "sealed, and no key that opens it is set")
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != part.sha256:
            raise AlteredInput(path, f"altered since it was written; expected SHA-256 {part.sha256[:12]}")
        return pl.read_parquet(open_sealed(content, key, path=path), columns=chosen)
    except FileNotFoundError as error:
        raise AlteredInput(path, f"gone; expected {part.rows:,} rows") from error


def _seal_value(value: str, key: SealingKey) -> str:
    return base64.b64encode(seal(value.encode(), key)).decode()


def _open_value(value: str, key: SealingKey, *, doc_id: str | None) -> str:
    where = Path(f"document {doc_id}")
    try:
        content = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{where}: column {VALUES!r}: not sealed") from error
    return open_sealed(content, key, path=where).decode()
