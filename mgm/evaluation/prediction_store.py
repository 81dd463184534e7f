"""The predictions on whole corpora: written as tables, and kept for the metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from mgm.corpus.parts import PartsWriter
from mgm.evaluation.details import details
from mgm.evaluation.prediction_table import fit_baselines, predict_part, table_schema
from mgm.evaluation.predictions import columns_read
from mgm.evaluation.summary import SPLIT, summarize
from mgm.model.calibration import Calibration
from mgm.model.compiled import CompiledNetwork
from mgm.model.network import Network
from mgm.model.thresholds import Thresholds
from mgm.settings.evaluation import EvaluateSettings
from mgm.tasks import Task
from mgm.text.features import FeaturePart

TUNING_SPLIT = "valid"
"""The split that thresholds and temperatures are fitted on."""


@dataclass(frozen=True, kw_only=True)
class SplitPredictor:
    """A network, and the splits whose documents it predicts.

    Attributes:
        splits: the splits.
        network: the network, in evaluation mode.
        thresholds: the decision thresholds of multilabel tasks.
        compiled: the network with tables for the kernels, which predict then; None: torch does.
    """

    splits: Sequence[str]
    network: Network
    thresholds: Mapping[str, Thresholds]
    compiled: CompiledNetwork | None = None


@dataclass
class PredictionStore:
    """A model's predictions on valid and test, and training's labels beside them, of which its metrics are made.

    `tasks` carry their label spaces.
    """

    tasks: Sequence[Task]
    _rows: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    _train_labels: dict[str, list[pl.Series]] = field(default_factory=dict)

    def add(self, corpus: str, documents: pl.DataFrame, *, predictions: pl.DataFrame) -> None:
        """Add a part of a corpus: its documents, and the predictions table of some of them."""
        predictions = predictions.with_columns(corpus=pl.lit(corpus))
        train = documents.filter(pl.col("split") == "train")
        for task in self.tasks:
            if corpus in task.corpora:
                rows = predictions.select("corpus", *columns_read(task, predictions.columns))
                self._rows.setdefault(task.name, []).append(rows)
                self._train_labels.setdefault(task.name, []).append(train[task.columns.label])

    def rows(self, task: Task, split: str = SPLIT) -> pl.DataFrame:
        """Return the predictions on a split, labelled or not."""
        return pl.concat(self._rows[task.name]).filter(pl.col("split") == split)

    def train_labels(self, task: Task) -> pl.Series:
        """Return training's labels of a task."""
        return pl.concat(self._train_labels[task.name])

    def metrics(self, *, resamples: int, seed: int) -> dict[str, dict[str, Any]]:
        """Return the entry of reports/metrics.json by task."""
        return {
            task.name: summarize(
                self.rows(task), self.train_labels(task), task=task, resamples=resamples, seed=seed
            )
            for task in self.tasks
        }

    def details(
        self,
        settings: EvaluateSettings,
        seed: int,
        *,
        calibrations: Mapping[str, Calibration] | None = None,
    ) -> dict[str, dict[str, Any]]:
        """Return the content of reports/evaluation/<task>.json by task; `calibrations`: those of the bundle."""
        return details(
            self.tasks,
            test={task.name: self.rows(task) for task in self.tasks},
            valid={task.name: self.rows(task, TUNING_SPLIT) for task in self.tasks},
            train_labels={task.name: self.train_labels(task) for task in self.tasks},
            settings=settings,
            seed=seed,
            calibrations=calibrations,
        )


def check_splits(settings: EvaluateSettings) -> None:
    """Check that the test split is among those that are predicted.

    Raises:
        ValueError: it is not.
    """
    if SPLIT not in settings.splits:
        raise ValueError(
            f"params.yaml: evaluate.splits: found {settings.splits}, expected {SPLIT!r} among them"
        )


def write_tables(
    folder: Path,
    corpora: Mapping[str, Sequence[FeaturePart]],
    *,
    tasks: Sequence[Task],
    predictors: Sequence[SplitPredictor],
) -> PredictionStore:
    """Predict corpora, part by part, write a predictions table for each, and print a line a corpus.

    Args:
        folder: gets a folder of parts for each corpus.
        corpora: the features of each corpus.
        tasks: the tasks, with their label spaces.
        predictors: the networks, which have the same tasks, with the splits whose rows each predicts.

    Returns:
        The predictions.
    """
    store, splits = PredictionStore(tasks), [split for p in predictors for split in p.splits]
    reconstructs, baselines = predictors[0].network.reconstructs, fit_baselines(tasks, corpora)
    for corpus, parts in corpora.items():
        tasks_of_corpus, num_rows = [task for task in tasks if corpus in task.corpora], 0
        schema = table_schema(tasks_of_corpus, reconstructs=reconstructs)
        with PartsWriter(folder / corpus, schema) as writer:
            for part in parts:
                table = pl.concat(
                    predict_part(
                        p.network,
                        part,
                        tasks=tasks_of_corpus,
                        thresholds=p.thresholds,
                        splits=p.splits,
                        baselines=baselines,
                        compiled=p.compiled,
                    )
                    for p in predictors
                )
                writer.write(table)
                store.add(corpus, part.documents, predictions=table)
                num_rows += table.height
        print(f"{corpus}: {num_rows:,} documents of {' and '.join(splits)} predicted", flush=True)
    return store
