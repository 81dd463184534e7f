"""The section of a profile that describes a task's labels, and the registry of its classes: one a kind of task."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

import polars as pl

from mgm.profiling.layout import Profile
from mgm.tasks import KindRegistry


class LabelProfile(ABC):
    """Gathers, part by part, how the labels of one task are distributed: known labels or predicted ones."""

    def __init__(self, kind: str, bounds: Sequence[float] | None = None) -> None:
        """Begin without any label.

        Args:
            kind: the name of the kind, which the profile states.
            bounds: the bounds of the histogram of another profile that this one will be compared with, for kinds of numbers.
        """
        self.kind = kind
        self.bounds = bounds
        self._num_rows = self._num_labelled = 0

    def add(self, column: pl.Series) -> None:
        """Add the labels of one part; null: not labelled."""
        labels = column.drop_nulls()
        self._num_rows += len(column)
        self._num_labelled += len(labels)
        self.add_labels(labels)

    def merge(self, other: Self) -> None:
        """Add the labels of other parts."""
        self._num_rows += other._num_rows
        self._num_labelled += other._num_labelled
        self.merge_labels(other)

    @abstractmethod
    def merge_labels(self, other: Self) -> None:
        """Add what `add_labels` has gathered from other parts."""

    @abstractmethod
    def add_labels(self, labels: pl.Series) -> None:
        """Add the labels of the labelled documents of one part."""

    @abstractmethod
    def distribution(self) -> Profile:
        """Return the sections that describe the labels: `labels` or `values`, and `per_document` where a document has several."""

    def result(self) -> Profile:
        """Return the task's section of a profile."""
        return {
            "kind": self.kind,
            "rows": self._num_rows,
            "labelled": self._num_labelled,
        } | self.distribution()


LABEL_PROFILES: KindRegistry[type[LabelProfile]] = KindRegistry("profile of labels")
