"""Scored shards on disk, before the night is committed, so that they are not scored again after a kill.

A shard's folder appears whole, by one rename, under the hash of everything that determines its rows: the shard's documents,
the bundle, and the options of scoring. `done.json` in it has the hashes of its files, and one of itself; rows are read only from
bytes that have their hash.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from mgm.bundle.sealing import SealingKey
from mgm.corpus.parts import REJECTS, Counts, Part
from mgm.files import file_sha256, fingerprint
from mgm.scoring import steps
from mgm.scoring.isolation import ScoredRows
from mgm.scoring.protection import Protection, read_staged, write_staged
from mgm.scoring.shards import Shard

_DONE = "done.json"
PREDICTIONS, REJECTED = "predictions", "rejects"
"""The folders of a shard's files."""
_KEY_CHARACTERS = 32
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class StagedShard:
    """The result of a scored shard, which lies in `folder`."""

    folder: Path
    counts: Counts
    broken: list[str]
    """Id and error of each document that broke the model."""
    predictions: Part
    rejects: Part
    key: SealingKey | None = None
    """Opens the files where they are sealed."""


class Staging:
    """The scored shards of a night.

    Args:
        schema: the schema of the predictions.
        scored_by: everything besides the documents that determines the scores; values that JSON can hold.
        protection: how the texts are kept; None: in the clear.
    """

    def __init__(
        self,
        folder: Path,
        *,
        schema: pl.Schema,
        scored_by: Mapping[str, Any],
        protection: Protection | None = None,
    ) -> None:
        self.folder = folder
        self.schema = schema
        self._protection = protection or Protection()
        self._scored_by = json.dumps({**scored_by, **self._protection.facts}, sort_keys=True)

    def find(self, shard: Shard) -> StagedShard | None:
        """Return the result of a shard, None where it was not scored; a damaged one is removed and counts as not scored."""
        folder = self._shard_folder(shard)
        if not folder.is_dir():
            return None
        try:
            return replace(_read_staged(folder), key=self._protection.key)
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError) as error:
            problem = str(error) if isinstance(error, FileNotFoundError | ValueError) else repr(error)
            _log.warning("%s: not the shard that was scored, which is scored again: %s", folder, problem)
        shutil.rmtree(folder, ignore_errors=True)
        return None

    def find_all(self, shards: Sequence[Shard]) -> list[StagedShard]:
        """Return the results of shards that were scored.

        Raises:
            FileNotFoundError: one is not there.
        """
        staged = [result for shard in shards if (result := self.find(shard)) is not None]
        if len(staged) < len(shards):
            raise FileNotFoundError(f"{self.folder}: {len(shards) - len(staged)} shards are gone")
        return staged

    def write(self, shard: Shard, rows: ScoredRows) -> None:
        """Write the rows of a shard, all of them or nothing.

        Raises:
            OSError: they cannot be written, for want of space for example.
        """
        folder = self._shard_folder(shard)
        partial = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
        shutil.rmtree(partial, ignore_errors=True)
        counts = Counts()
        counts.add(shard.rows, rows.predictions, rejected=rows.rejects)
        rejects = self._protection.protect_values(rows.rejects)
        tables = {PREDICTIONS: (rows.predictions, self.schema), REJECTED: (rejects, REJECTS)}
        try:
            parts = {}
            for name, (frame, schema) in tables.items():
                (partial / name).mkdir(parents=True)
                parts[name] = asdict(
                    write_staged(
                        partial / name,
                        frame,
                        schema=schema,
                        input_sha256=shard.sha256,
                        key=self._protection.key,
                    )
                )
            done = {"shard": folder.name, "counts": asdict(counts), "broken": list(rows.broken), **parts}
            signed = done | {"sha256": fingerprint(done)}
            (partial / _DONE).write_text(json.dumps(signed, indent=1) + "\n", encoding="utf-8")
        except (OSError, pl.exceptions.ComputeError) as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise OSError(f"{folder}: the scored rows cannot be written: {error}") from error
        steps.reached(steps.SHARD_WRITTEN)
        try:
            partial.rename(folder)
        except OSError:
            if self.find(shard) is None:
                raise
            shutil.rmtree(partial)  # another run was first, with the same rows
        steps.reached(steps.SHARD_STAGED)

    @staticmethod
    def remove(folder: Path) -> None:
        """Remove all shards of a committed night, those of earlier tries too."""
        shutil.rmtree(folder, ignore_errors=True)

    def _shard_folder(self, shard: Shard) -> Path:
        key = hashlib.sha256(f"{shard.sha256}\n{self._scored_by}".encode()).hexdigest()[:_KEY_CHARACTERS]
        return self.folder / key


def read_predictions(
    staged: Sequence[StagedShard], columns: list[str] | None = None
) -> Iterator[pl.DataFrame]:
    """Yield the predictions of shards in their order, a frame each; `columns`: those to read, None: all.

    Raises:
        AlteredInput: a file is gone, or it is not the one that was written.
    """
    for shard in staged:
        yield read_staged(shard.folder / PREDICTIONS, shard.predictions, key=shard.key, columns=columns)


def read_rejects(staged: Sequence[StagedShard]) -> Iterator[pl.DataFrame]:
    """Yield the rejects of shards in their order, a frame each.

    Raises:
        AlteredInput: a file is gone, or it is not the one that was written.
    """
    for shard in staged:
        yield read_staged(shard.folder / REJECTED, shard.rejects, key=shard.key, columns=None)


def _read_staged(folder: Path) -> StagedShard:
    """Return the shard of a folder, whose files have the hashes of its `done.json`.

    Raises:
        FileNotFoundError, ValueError, KeyError, TypeError, AttributeError: it is not the one that was written.
    """
    content = json.loads((folder / _DONE).read_bytes())
    expected = content.pop("sha256")
    found = fingerprint(content)
    if found != expected or content["shard"] != folder.name:
        raise ValueError(f"{folder / _DONE}: SHA-256 {found[:12]}; expected {expected[:12]}")
    staged = StagedShard(
        folder=folder,
        counts=Counts(**content["counts"]),
        broken=content["broken"],
        predictions=Part(**content[PREDICTIONS]),
        rejects=Part(**content[REJECTED]),
    )
    for name, part in ((PREDICTIONS, staged.predictions), (REJECTED, staged.rejects)):
        path = folder / name / part.name
        sha256 = file_sha256(path)
        if sha256 != part.sha256:
            raise ValueError(
                f"{path}: SHA-256 {sha256[:12]}; expected {part.sha256[:12]}, of {part.rows:,} rows"
            )
    return staged
