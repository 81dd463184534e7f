"""Metrics of several models on the same documents and in the same resamples, so that differences have intervals.

Axis: R resamples. A table is a predictions frame of one split with a column corpus.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mgm.evaluation.bootstrap import GroupBootstrap, interval_entry, percentile_interval
from mgm.evaluation.kinds import evaluation_of
from mgm.evaluation.predictions import select_labelled
from mgm.evaluation.sufficient_statistics import rounded
from mgm.tasks import Task


@dataclass(frozen=True)
class Estimate:
    """A number of the whole split, and the same number in each resample (R,), nan where undefined."""

    value: float
    resampled: np.ndarray

    @property
    def is_defined(self) -> bool:
        """Whether the whole split has a value."""
        return not math.isnan(self.value)

    @property
    def rounded(self) -> float | None:
        """The value as reports hold it; null where undefined."""
        return rounded(self.value)

    def minus(self, other: "Estimate") -> "Estimate":
        """Return the difference, resample by resample."""
        return Estimate(self.value - other.value, self.resampled - other.resampled)

    def entry(self, name: str) -> dict[str, Any]:
        """Return the value under its name, low and high of its 95% interval, and shown: which sign the interval shows."""
        interval = percentile_interval(self.resampled)
        return {name: self.rounded, **interval_entry(self.resampled), "shown": _sign_in_words(interval)}


class PairedBootstrap:
    """The first metric of a reference model on a split, and of other models on the same documents."""

    def __init__(self, tables: Mapping[str, pl.DataFrame], *, resamples: int, seed: int) -> None:
        """Take the reference model's predictions.

        Args:
            tables: the predictions by task name.
            resamples: the number of resamples of the groups of documents.
            seed: the seed of the resamples.
        """
        documents = pl.concat([table.select("corpus", "group") for table in tables.values()])
        groups = {str(corpus): table["group"] for (corpus,), table in documents.group_by("corpus")}
        self.bootstrap = GroupBootstrap(groups, resamples=resamples, seed=seed)
        self.tables = tables
        self._references: dict[str, Estimate] = {}

    def reference(self, task: Task) -> Estimate:
        """Return the reference model's first metric in a task.

        Raises:
            ValueError: a labelled row has no prediction.
        """
        if task.name not in self._references:
            self._references[task.name] = self._estimate(_ordered(self.tables[task.name], task), task)
        return self._references[task.name]

    def other(self, table: pl.DataFrame, task: Task, *, where: str) -> Estimate:
        """Return another model's first metric in a task; `where` names its table in errors.

        Raises:
            DifferentDocumentsError: its labelled documents, their groups or their labels are not the reference model's.
        """
        rows = _ordered(table, task)
        _check_same_documents(_ordered(self.tables[task.name], task), rows, task=task, where=where)
        return self._estimate(rows, task)

    def _estimate(self, rows: pl.DataFrame, task: Task) -> Estimate:
        statistics = evaluation_of(task).statistics(rows, task)
        resampled = self.bootstrap.metrics(statistics, rows)[task.first_metric]
        return Estimate(statistics.score()[task.first_metric], resampled)


class DifferentDocumentsError(ValueError):
    """Two models were tested on different documents or labels."""


def _ordered(table: pl.DataFrame, task: Task) -> pl.DataFrame:
    return select_labelled(table, task).sort("corpus", "doc_id")


def _check_same_documents(reference: pl.DataFrame, other: pl.DataFrame, *, task: Task, where: str) -> None:
    keys = ["corpus", "doc_id"]
    for unpaired, verb in (
        (reference.join(other, on=keys, how="anti"), "lacks"),
        (other.join(reference, on=keys, how="anti"), "adds"),
    ):
        if unpaired.height:
            corpus, doc_id = unpaired.select(keys).sort(keys).row(0)
            raise DifferentDocumentsError(
                f"{where}, task {task.name}: {verb} {unpaired.height} labelled documents, first {doc_id!r} of {corpus}, "
                "expected those of the reference model; the two are of different runs"
            )
    for column in ("group", task.columns.label):
        if reference[column].equals(other[column]):
            continue
        pairs = zip(reference["doc_id"], reference[column].to_list(), other[column].to_list(), strict=True)
        doc_id, expected, value = next(pair for pair in pairs if pair[1] != pair[2])
        raise DifferentDocumentsError(
            f"{where}, column {column}, doc_id {doc_id!r}: found {value!r}, expected {expected!r} as for the "
            "reference model; the two are of different runs"
        )


def _sign_in_words(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return "no interval"
    low, high = interval
    return "better" if low > 0 else "worse" if high < 0 else "no difference shown"
