"""Scored shards on disk, before the night is committed: what is finished is not scored again after a kill.

A shard's folder appears whole, by one rename, under the hash of all that its rows follow from: the shard's documents, the
bundle, and how it was scored.
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

from mgm.corpus.parts import REJECTS, Counts, Part, file_sha256, write_part
from mgm.scoring import steps
from mgm.scoring.shards import Shard

_DONE = "done.json"
_KEY_CHARACTERS = 32


@dataclass(frozen=True)
class Finished:
    """What a scored shard came to."""

    counts: Counts
    broken: list[str]
    """What went wrong with documents that broke the model: id and error."""
    predictions: Part
    rejects: Part


class Staging:
    """The scored shards of a night."""

    def __init__(self, folder: Path, schema: pl.Schema, scored_by: Mapping[str, Any]) -> None:
        """`schema`: of the predictions; `scored_by`: all that scores follow from besides the documents, as JSON."""
        self.folder = folder
        self.schema = schema
        self._by = json.dumps(scored_by, sort_keys=True)

    def finished(self, shard: Shard) -> Finished | None:
        """What the shard came to, where it was scored; a damaged part counts as not scored, and is removed."""
        place = self._place(shard)
        try:
            raw = json.loads((place / _DONE).read_text(encoding="utf-8"))
            found = Finished(
                Counts(**raw["counts"]), raw["broken"], Part(**raw["predictions"]), Part(**raw["rejects"])
            )
            parts = (
                (self._table(place, "predictions"), found.predictions),
                (self._table(place, "rejects"), found.rejects),
            )
            if all(file_sha256(folder / part.name) == part.sha256 for folder, part in parts):
                return found
        except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
            pass
        shutil.rmtree(place, ignore_errors=True)
        return None

    def write(
        self,
        shard: Shard,
        counts: Counts,
        predicted: pl.DataFrame,
        rejected: pl.DataFrame,
        broken: Sequence[str],
    ) -> None:
        """Writes the rows of a shard, all of them or nothing.

        Raises:
            OSError: they cannot be written, for want of space for example.
        """
        place = self._place(shard)
        partial = place.with_name(f"{place.name}.{os.getpid()}.tmp")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            parts = {}
            for name, frame, schema in (
                ("predictions", predicted, self.schema),
                ("rejects", rejected, REJECTS),
            ):
                folder = self._table(partial, name)
                folder.mkdir(parents=True)
                parts[name] = asdict(write_part(folder, 0, frame, schema, shard.sha256))
            done = {"counts": asdict(counts), "broken": list(broken), **parts}
            (partial / _DONE).write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
        except (OSError, pl.exceptions.ComputeError) as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise OSError(f"{place}: the scored rows cannot be written: {error}") from error
        steps.reached(steps.SHARD_WRITTEN)
        try:
            partial.rename(place)
        except OSError:
            if self.finished(shard) is None:
                raise
            shutil.rmtree(partial)  # another run was first, with the same rows
        steps.reached(steps.SHARD_STAGED)

    def predictions(self, shards: Sequence[Shard]) -> Iterator[pl.DataFrame]:
        """The predictions of finished shards in their order, a frame each."""
        return self._read("predictions", shards)

    def rejects(self, shards: Sequence[Shard]) -> Iterator[pl.DataFrame]:
        """The rejects of finished shards in their order, a frame each."""
        return self._read("rejects", shards)

    @staticmethod
    def clear(folder: Path) -> None:
        """Removes all shards of a committed night, those of earlier tries too."""
        shutil.rmtree(folder, ignore_errors=True)

    def _read(self, name: str, shards: Sequence[Shard]) -> Iterator[pl.DataFrame]:
        for shard in shards:
            yield pl.read_parquet(self._table(self._place(shard), name) / "part-00000.parquet")

    def _place(self, shard: Shard) -> Path:
        key = hashlib.sha256(f"{shard.sha256}\n{self._by}".encode()).hexdigest()[:_KEY_CHARACTERS]
        return self.folder / key

    @staticmethod
    def _table(place: Path, name: str) -> Path:
        return place / name
