"""Slices: metrics on parts of the test split, and which parts are significantly worse than all of it.

Documents are cut by language, corpus, length and share of unknown words; labels by their frequency in training.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mgm.evaluation.bootstrap import GroupBootstrap, interval_entry
from mgm.evaluation.items import Items
from mgm.evaluation.kinds import ItemEvaluation, evaluation_of
from mgm.evaluation.multiple_testing import ALPHA, adjust_holm, p_value_below
from mgm.evaluation.sufficient_statistics import Statistics, column_sums, rounded
from mgm.tasks import Task

LABEL_METRIC = "micro_f1"
"""The metric that slices of labels are compared by: F1 of all their items together."""
FREQUENCY_BOUNDS = (1, 10, 100, 1_000, 10_000)
"""The occurrences of a label in training at which another slice begins."""


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A part of the documents or labels.

    Attributes:
        by: the property by which documents are cut into slices.
        name: the name of the part.
        n: the number of documents, or of true items of labels.
        num_groups: the number of groups of documents.
        statistics: the sufficient statistics of the documents below.
        documents: their columns corpus and group.
    """

    by: str
    name: str
    n: int
    num_groups: int
    statistics: Statistics
    documents: pl.DataFrame


@dataclass(frozen=True)
class _Measured:
    """A metric's value, and its value in each resample (R,)."""

    value: float
    resampled: np.ndarray


@dataclass(frozen=True, kw_only=True)
class _Comparison:
    """The value that slices are compared with: a metric over all documents."""

    metric: str
    is_error: bool
    whole: _Measured
    bootstrap: GroupBootstrap
    min_groups: int

    def entry(self, part: Slice) -> dict[str, Any]:
        """Return a slice's entry; see `slices`."""
        measured = _measure(part.statistics, part.documents, metric=self.metric, bootstrap=self.bootstrap)
        difference = measured.value - self.whole.value
        sign = -1 if self.is_error else 1
        p_value = float("nan")
        if part.num_groups >= self.min_groups:
            p_value = p_value_below(sign * difference, sign * (measured.resampled - self.whole.resampled))
        return {
            "by": part.by,
            "name": part.name,
            "n": part.n,
            "groups": part.num_groups,
            "metric": self.metric,
            "value": rounded(measured.value),
            **interval_entry(measured.resampled),
            "difference": rounded(difference),
            "p": None if np.isnan(p_value) else float(f"{p_value:.3g}"),
        }


def slices(
    rows: pl.DataFrame,
    train_labels: pl.Series,
    *,
    task: Task,
    bootstrap: GroupBootstrap,
    min_groups: int,
) -> list[dict[str, Any]]:
    """Return the slices of labelled predictions.

    Args:
        rows: labelled predictions with a column corpus.
        train_labels: training's labels.
        task: the task, with its label space.
        bootstrap: the resamples of the groups of `rows`.
        min_groups: a slice of fewer groups is not tested.

    Returns:
        Of each slice: by, name, n, groups, metric, value, low, high, difference (to all documents), p (one-sided, of being no
        worse; null where it is not tested), and for documents first, first_low and first_high: the task's first metric, where
        slices are compared by another. A cut that holds all documents is no slice.
    """
    evaluation = evaluation_of(task)
    statistics, documents = evaluation.statistics(rows, task), rows.select("corpus", "group")
    of_documents = _Comparison(
        metric=evaluation.slice_metric,
        is_error=evaluation.is_slice_metric_an_error,
        whole=_measure(statistics, documents, metric=evaluation.slice_metric, bootstrap=bootstrap),
        bootstrap=bootstrap,
        min_groups=min_groups,
    )
    entries = []
    for part in _document_slices(rows, statistics):
        entry = of_documents.entry(part)
        if task.first_metric != evaluation.slice_metric:
            first = _measure(part.statistics, part.documents, metric=task.first_metric, bootstrap=bootstrap)
            entry |= {"first": rounded(first.value)} | interval_entry(first.resampled, "first_")
        entries.append(entry)
    if isinstance(evaluation, ItemEvaluation):
        items = evaluation.items(rows, task)
        of_labels = _Comparison(
            metric=LABEL_METRIC,
            is_error=False,
            whole=_measure(_pooled_statistics(items), documents, metric=LABEL_METRIC, bootstrap=bootstrap),
            bootstrap=bootstrap,
            min_groups=min_groups,
        )
        occurrences = evaluation.label_occurrences(train_labels).alias("label").value_counts(name="n")
        parts = _label_slices(items, documents, occurrences=dict(occurrences.iter_rows()))
        entries += [of_labels.entry(part) for part in parts]
    return entries


def flag_worse_slices(entries: Sequence[dict[str, Any]]) -> None:
    """Add to every entry p_adjusted (Holm's, over all that are tested) and below: is it significantly worse than all?"""
    tested = [entry for entry in entries if entry["p"] is not None]
    for entry in entries:
        entry |= {"p_adjusted": None, "below": False}
    for entry, p_value in zip(tested, adjust_holm([entry["p"] for entry in tested]), strict=True):
        entry |= {"p_adjusted": rounded(p_value), "below": bool(p_value <= ALPHA)}


def _measure(
    statistics: Statistics, documents: pl.DataFrame, *, metric: str, bootstrap: GroupBootstrap
) -> _Measured:
    return _Measured(statistics.score()[metric], bootstrap.metrics(statistics, documents)[metric])


def _document_slices(rows: pl.DataFrame, statistics: Statistics) -> Iterator[Slice]:
    """Yield the slices of every trait with at least two values."""
    traits = [("language", _by_value(rows["lang"])), ("corpus", _by_value(rows["corpus"]))]
    if "words" in rows.columns:
        traits.append(("words", _by_quartile(rows["words"].to_numpy(), lambda x: f"{x:,.0f}")))
    if "unknown" in rows.columns:
        traits.append(("unknown words", _by_quartile(rows["unknown"].to_numpy(), lambda x: f"{x:.1%}")))
    for by, parts in traits:
        if len(parts) < 2:
            continue
        for name, mask in parts:
            documents = rows.filter(mask).select("corpus", "group")
            yield Slice(
                by=by,
                name=name,
                n=documents.height,
                num_groups=documents.n_unique(),
                statistics=statistics.select(np.flatnonzero(mask)),
                documents=documents,
            )


def _by_value(column: pl.Series) -> list[tuple[str, np.ndarray]]:
    return [(str(value), (column == value).to_numpy()) for value in column.drop_nulls().unique().sort()]


def _by_quartile(values: np.ndarray, in_words: Callable[[float], str]) -> list[tuple[str, np.ndarray]]:
    """Return the name and mask of each quarter; fewer parts where many values are equal."""
    if not len(values):
        return []
    cuts = np.unique(np.quantile(values, [0.25, 0.5, 0.75], method="lower"))
    cuts = cuts[cuts < values.max()]
    part = np.searchsorted(cuts, values, side="left")
    names = ["none" if cuts[0] == 0 else f"up to {in_words(cuts[0])}"] if len(cuts) else ["all"]
    names += [f"above {in_words(a)} to {in_words(b)}" for a, b in itertools.pairwise(cuts)]
    names += [f"above {in_words(cuts[-1])}"] if len(cuts) else []
    return [(name, part == number) for number, name in enumerate(names)]


def _label_slices(items: Items, documents: pl.DataFrame, *, occurrences: dict[str, int]) -> Iterator[Slice]:
    """Yield the labels by their occurrences in training, where two such slices have a true item in the test split."""
    band = np.searchsorted(
        FREQUENCY_BOUNDS, [occurrences.get(label, 0) for label in items.labels], side="right"
    )
    support = items.counts(column_sums(items.documents)).support[0]
    bands = [b for b in np.unique(band) if support[band == b].sum() > 0]
    for b in bands if len(bands) > 1 else []:
        labels = np.flatnonzero(band == b)
        yield Slice(
            by="label frequency",
            name=_band_name(int(b)),
            n=int(support[labels].sum()),
            num_groups=documents.filter(items.has_true_item(labels)).n_unique(),
            statistics=_pooled_statistics(items, labels),
            documents=documents,
        )


def _pooled_statistics(items: Items, labels: np.ndarray | slice = slice(None)) -> Statistics:
    """Return the statistics of `LABEL_METRIC` of some labels."""
    return Statistics(
        documents=items.documents,
        metrics=lambda sums: {LABEL_METRIC: items.counts(sums).pool(labels).f1[:, 0]},
    )


def _band_name(band: int) -> str:
    if band == 0:
        return "never in training"
    if band == len(FREQUENCY_BOUNDS):
        return f"{FREQUENCY_BOUNDS[-1]:,} or more"
    return f"{FREQUENCY_BOUNDS[band - 1]:,} to {FREQUENCY_BOUNDS[band] - 1:,}"
