"""The files that a run left: each is read if it is there, and named as missing if not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import polars as pl

from mgm.corpus.parts import MANIFEST, read_parts
from mgm.evaluation.predictions import columns_read
from mgm.files import file_sha256, read_json
from mgm.settings.core import CoreSettings
from mgm.tasks import Task

STAGES = ("ingest", "clean", "deduplicate", "tokenize", "stopwords")
GATES = ("ingest", "clean")


SettingsT = TypeVar("SettingsT", bound=CoreSettings)


@dataclass
class RunFiles(Generic[SettingsT]):
    """The files of a run below `root`, the project's folder; `missing` collects those that were not there."""

    root: Path
    settings: SettingsT
    missing: list[str] = field(default_factory=list)

    def json(self, *place: str, expected: bool = True) -> Any:
        """Return the content of a JSON file; None where there is none, which counts as missing if it was `expected`."""
        path = self.root.joinpath(*place)
        if path.is_file():
            return read_json(path)
        if expected:
            self._miss("/".join(place))
        return None

    def predictions(self, task: Task, split: str, *place: str) -> pl.DataFrame | None:
        """Return a task's predictions in one split, with a column corpus; None where a corpus has no table.

        Args:
            task: the task whose columns are read.
            split: the split whose rows are read.
            place: the folder of the corpora's tables, by default data/predictions.
        """
        frames = []
        for corpus in task.corpora:
            below = (*(place or ("data", "predictions")), corpus)
            folder = self.root.joinpath(*below)
            if not (folder / MANIFEST).is_file():
                self._miss("/".join(below))
                return None
            for part in read_parts(folder):
                rows = part.filter(pl.col("split") == split).with_columns(corpus=pl.lit(corpus))
                frames.append(rows.select("corpus", *columns_read(task, rows.columns)))
        return pl.concat(frames)

    def texts(self, corpus: str, doc_ids: Sequence[str]) -> dict[str, str]:
        """Return the raw texts of a few documents by doc_id."""
        folder = self.root / "data" / "documents" / corpus
        if not (folder / MANIFEST).is_file():
            self._miss(f"data/documents/{corpus}")
            return {}
        texts: dict[str, str] = {}
        for part in read_parts(folder, ["doc_id", "text"]):
            texts |= dict(part.filter(pl.col("doc_id").is_in(list(doc_ids))).iter_rows())
            if len(texts) == len(doc_ids):
                break
        return texts

    def curves(self) -> dict[str, list[tuple[float, float]]]:
        """Return the series that training logged as (step, value) by name: the TSV files of reports/live/plots/metrics."""
        folder = self.root / "reports" / "live" / "plots" / "metrics"
        if not folder.is_dir():
            self._miss("reports/live")
            return {}
        curves = {}
        for path in sorted(folder.rglob("*.tsv")):
            name = path.relative_to(folder).with_suffix("").as_posix()
            table = pl.read_csv(path, separator="\t", infer_schema=False)
            values = table.select(
                pl.col("step").cast(pl.Float64), pl.col(table.columns[-1]).cast(pl.Float64, strict=False)
            )
            curves[name] = [(step, value) for step, value in values.iter_rows() if value is not None]
        return curves

    def hash_of(self, *place: str) -> str | None:
        """Return the SHA-256 of a file; None where there is none."""
        path = self.root.joinpath(*place)
        return file_sha256(path) if path.is_file() else None

    def _miss(self, path: str) -> None:
        if path not in self.missing:
            self.missing.append(path)
