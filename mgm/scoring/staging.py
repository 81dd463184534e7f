"""Scored shards on disk, before the night is committed, so that they are not scored again after a kill.

A shard's folder appears whole, by one rename, under the hash of everything that determines its rows: the shard's documents,
the bundle, and the options of scoring.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from mgm.corpus.parts import REJECTS, Counts, Part, write_part
from mgm.files import file_sha256
from mgm.scoring import steps
from mgm.scoring.isolation import ScoredRows
from mgm.scoring.shards import Shard

_DONE = "done.json"
_KEY_CHARACTERS = 32


@dataclass(frozen=True, kw_only=True)
class StagedShard:
    """The result of a scored shard."""

    counts: Counts
    broken: list[str]
    """Id and error of each document that broke the model."""
    predictions: Part
    rejects: Part


class Staging:
    """The scored shards of a night.

    Args:
        schema: the schema of the predictions.
        scored_by: everything besides the documents that determines the scores; values that JSON can hold.
    """

    def __init__(self, folder: Path, *, schema: pl.Schema, scored_by: Mapping[str, Any]) -> None:
        self.folder = folder
        self.schema = schema
        self._scored_by = json.dumps(scored_by, sort_keys=True)

    def find(self, shard: Shard) -> StagedShard | None:
        """Return the result of a shard, None where it was not scored; a damaged one is removed and counts as not scored."""
        folder = self._shard_folder(shard)
        try:
            content = json.loads((folder / _DONE).read_text(encoding="utf-8"))
            staged = StagedShard(
                counts=Counts(**content["counts"]),
                broken=content["broken"],
                predictions=Part(**content["predictions"]),
                rejects=Part(**content["rejects"]),
            )
            parts = {"predictions": staged.predictions, "rejects": staged.rejects}
            if all(file_sha256(folder / name / part.name) == part.sha256 for name, part in parts.items()):
                return staged
        except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
            pass
        shutil.rmtree(folder, ignore_errors=True)
        return None

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
        tables = {"predictions": (rows.predictions, self.schema), "rejects": (rows.rejects, REJECTS)}
        try:
            parts = {}
            for name, (frame, schema) in tables.items():
                (partial / name).mkdir(parents=True)
                parts[name] = asdict(
                    write_part(partial / name, 0, frame=frame, schema=schema, input_sha256=shard.sha256)
                )
            done = {"counts": asdict(counts), "broken": list(rows.broken), **parts}
            (partial / _DONE).write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
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

    def read_predictions(
        self, shards: Sequence[Shard], columns: list[str] | None = None
    ) -> Iterator[pl.DataFrame]:
        """Yield the predictions of finished shards in their order, a frame each; `columns`: those to read, None: all."""
        return self._read("predictions", shards, columns)

    def read_rejects(self, shards: Sequence[Shard]) -> Iterator[pl.DataFrame]:
        """Yield the rejects of finished shards in their order, a frame each."""
        return self._read("rejects", shards)

    @staticmethod
    def remove(folder: Path) -> None:
        """Remove all shards of a committed night, those of earlier tries too."""
        shutil.rmtree(folder, ignore_errors=True)

    def _read(
        self, name: str, shards: Sequence[Shard], columns: list[str] | None = None
    ) -> Iterator[pl.DataFrame]:
        for shard in shards:
            yield pl.read_parquet(self._shard_folder(shard) / name / "part-00000.parquet", columns=columns)

    def _shard_folder(self, shard: Shard) -> Path:
        key = hashlib.sha256(f"{shard.sha256}\n{self._scored_by}".encode()).hexdigest()[:_KEY_CHARACTERS]
        return self.folder / key
