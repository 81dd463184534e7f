"""The predictions of whole corpora: written as tables, and kept of the test split for the metrics."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from mgm.corpus.parts import PartsWriter
from mgm.evaluation.details import details
from mgm.evaluation.metrics import columns_read
from mgm.evaluation.prediction_table import predict_part, table_schema
from mgm.evaluation.summary import SPLIT, summarise
from mgm.model.network import Network
from mgm.model.thresholds import Thresholds
from mgm.settings.evaluation import EvaluateSettings
from mgm.tasks import Task
from mgm.text.features import FeaturePart

TUNED_ON = "valid"
"""The split that thresholds and temperatures are fitted on."""


@dataclass
class PredictionStore:
    """A model's predictions on valid and test, and training's labels beside them: what its metrics are made of."""

    tasks: Sequence[Task]
    labels: Mapping[str, list[str]]
    _rows: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    _train: dict[str, list[pl.Series]] = field(default_factory=dict)

    def add(self, corpus: str, documents: pl.DataFrame, found: pl.DataFrame) -> None:
        """One part: its documents, and the predictions table of some of them."""
        found = found.with_columns(corpus=pl.lit(corpus))
        train = documents.filter(pl.col("split") == "train")
        for task in self.tasks:
            if corpus in task.corpora:
                rows = found.select("corpus", *columns_read(task, found.columns))
                self._rows.setdefault(task.name, []).append(rows)
                self._train.setdefault(task.name, []).append(train[task.name])

    def rows(self, task: Task, split: str = SPLIT) -> pl.DataFrame:
        """The predictions on a split, labelled or not."""
        return pl.concat(self._rows[task.name]).filter(pl.col("split") == split)

    def metrics(self, resamples: int, seed: int) -> dict[str, dict[str, Any]]:
        """Task to its entry of reports/metrics.json."""
        return {
            task.name: summarise(
                self.rows(task),
                pl.concat(self._train[task.name]),
                task,
                self.labels.get(task.name, []),
                resamples,
                seed,
            )
            for task in self.tasks
        }

    def details(self, settings: EvaluateSettings, seed: int) -> dict[str, dict[str, Any]]:
        """Task to the content of reports/evaluation/<task>.json."""
        return details(
            {task.name: self.rows(task) for task in self.tasks},
            {task.name: self.rows(task, TUNED_ON) for task in self.tasks},
            {task.name: pl.concat(self._train[task.name]) for task in self.tasks},
            self.tasks,
            self.labels,
            settings,
            seed,
        )


def check_splits(settings: EvaluateSettings) -> None:
    """Raises ValueError where the test split is not among those that are predicted."""
    if SPLIT not in settings.splits:
        raise ValueError(
            f"params.yaml: evaluate.splits: found {settings.splits}, expected {SPLIT!r} among them"
        )


def write_tables(
    folder: Path,
    corpora: Mapping[str, Iterable[FeaturePart]],
    tasks: Sequence[Task],
    network: Network,
    labels: dict[str, list[str]],
    thresholds: dict[str, Thresholds],
    splits: Sequence[str],
) -> PredictionStore:
    """Writes a predictions table (predictions.py) for each corpus into `folder`, part by part, one line a corpus."""
    tested = PredictionStore(tasks, labels)
    for corpus, parts in corpora.items():
        own, rows = [task for task in tasks if corpus in task.corpora], 0
        with PartsWriter(folder / corpus, table_schema(own, network.reconstructs)) as writer:
            for part in parts:
                found = predict_part(network, part, own, labels, thresholds, splits)
                writer.write(found)
                tested.add(corpus, part.documents, found)
                rows += found.height
        print(f"{corpus}: {rows:,} documents of {' and '.join(splits)} predicted", flush=True)
    return tested
