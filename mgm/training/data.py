"""The rows that training and validation read: those of one split with a label of a trained task or a teacher's prediction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from mgm.model.generation.source_cut import SourceCut, read_words
from mgm.settings.model import ModelSettings
from mgm.tasks import Task
from mgm.text.features import FeaturePart


@dataclass(frozen=True)
class PartRows:
    """The selected rows of one part of a corpus, and the number of words (n,) of each that are read, which `cut` decides."""

    corpus: str
    part: FeaturePart
    rows: np.ndarray
    length: np.ndarray
    cut: SourceCut | None = None

    @property
    def num_bytes(self) -> int:
        """The size of the whole part, selected or not."""
        return int(self.part.documents.estimated_size() + self.part.types.estimated_size())

    def labelled_tasks(self, tasks: Sequence[Task]) -> list[Task]:
        """Return those of `tasks` that this corpus labels."""
        return [t for t in tasks if t.columns.label_ids in self.part.documents.columns]

    def labels_of(self, task: Task) -> pl.Series:
        """Return the encoded labels of the selected rows; null where a row has none."""
        return self.part.documents[task.columns.label_ids][self.rows]

    def is_predicted(self, task: Task) -> np.ndarray:
        """Return which of the selected rows a teacher of the task has predicted."""
        if task.columns.teacher not in self.part.documents.columns:
            return np.zeros(len(self.rows), bool)
        is_predicted = self.part.documents.select(_has_prediction(self.part.documents, task.columns.teacher))
        return is_predicted.to_series().to_numpy()[self.rows]

    def predictions_of(self, task: Task, num_outputs: int) -> np.ndarray:
        """Return the teachers' predictions (rows, K) for the selected rows; NaN where there are none."""
        if task.columns.teacher not in self.part.documents.columns:
            return np.full((len(self.rows), num_outputs), np.nan, np.float32)
        predictions = self.part.documents[task.columns.teacher].to_numpy()[self.rows]
        return predictions.reshape(len(self.rows), num_outputs)

    def take(self, index: np.ndarray) -> "PartRows":
        """Return the selected rows at these positions, or where a mask (n,) is true."""
        return replace(self, rows=self.rows[index], length=self.length[index])


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """The data that a network is trained and validated on: the rows of both splits, and the tasks with their label spaces.

    Of several processes that train together the main one has all rows, and another one those of its own share
    (mgm.training.process_rows).
    """

    tasks: list[Task]
    train: list[PartRows]
    validation: list[PartRows]
    share: "TrainingData | None" = None
    """The share of the main process; None in any other, and where a single process trains."""

    @property
    def local(self) -> "TrainingData":
        """The rows that this process takes its steps on and validates on."""
        return self.share or self

    @property
    def num_rows(self) -> int:
        """The number of training rows."""
        return sum(len(s.rows) for s in self.train)

    @property
    def num_words(self) -> int:
        """The number of words of one pass over all training rows."""
        return sum(int(s.length.sum()) for s in self.train)


def select_labelled_rows(
    parts: Mapping[str, Iterable[FeaturePart]],
    tasks: Sequence[Task],
    *,
    splits: Sequence[str],
    model: ModelSettings | None = None,
    with_teachers: bool = False,
) -> list[PartRows]:
    """Return the rows of some splits that have a label of one of the tasks, part by part, corpora in the given order.

    Args:
        parts: corpus to its parts.
        tasks: the tasks that are trained.
        splits: train, valid, or other values of the column `split`.
        model: the network that reads them, which need not read all of a document whose labels are texts to generate.
        with_teachers: also select training rows that have a teacher's prediction and no label.
    """
    selected = []
    for corpus, corpus_parts in parts.items():
        for part in corpus_parts:
            own = [t for t in tasks if t.columns.label_ids in part.documents.columns]
            if not own:
                continue
            has_target = [pl.col(t.columns.label_ids).is_not_null() for t in own]
            if with_teachers:
                has_target += [
                    (pl.col("split") == "train") & _has_prediction(part.documents, t.columns.teacher)
                    for t in tasks
                    if t.columns.teacher in part.documents.columns
                ]
            rows = part.documents.select(pl.col("split").is_in(splits) & pl.any_horizontal(has_target))
            cut = None if model is None else SourceCut.of(model, own)
            selected.append(_select(corpus, part, mask=rows.to_series(), cut=cut))
    return [rows for rows in selected if len(rows.rows)]


def select_training_rows(parts: Mapping[str, Iterable[FeaturePart]]) -> list[PartRows]:
    """Return every row of the training split, labelled or not, corpora in the given order.

    A row without labels belongs to the split of its group.
    """
    selected = [
        _select(corpus, part, mask=part.documents["split"] == "train")
        for corpus, corpus_parts in parts.items()
        for part in corpus_parts
    ]
    return [rows for rows in selected if len(rows.rows)]


def _has_prediction(documents: pl.DataFrame, name: str) -> pl.Expr:
    """Return whether a teacher predicted each row: probabilities of all labels or of none, or a value; NaN where there is none."""
    column = pl.col(name)
    return ~(column.arr.first() if isinstance(documents.schema[name], pl.Array) else column).is_nan()


def _select(corpus: str, part: FeaturePart, *, mask: pl.Series, cut: SourceCut | None = None) -> PartRows:
    rows = mask.arg_true().to_numpy().astype(np.int64)
    return PartRows(corpus=corpus, part=part, rows=rows, length=read_words(part, rows, cut=cut), cut=cut)
