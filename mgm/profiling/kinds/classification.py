"""The profile of classes: the number of documents with each."""

from collections.abc import Sequence
from typing import Self

import polars as pl

from mgm.profiling.kinds.label_profile import LABEL_PROFILES, LabelProfile
from mgm.profiling.layout import Profile
from mgm.profiling.streaming_histograms import CategoryCounts
from mgm.tasks.kinds import CLASSIFICATION


class ClassProfile(LabelProfile):
    """Counts the documents of each class."""

    def __init__(self, kind: str, bounds: Sequence[float] | None = None) -> None:
        """Begin without any label."""
        super().__init__(kind, bounds)
        self._classes = CategoryCounts()

    def add_labels(self, labels: pl.Series) -> None:
        """Add the classes of the labelled documents of one part."""
        self._classes.add(labels)

    def merge_labels(self, other: Self) -> None:
        """Add the classes of other parts."""
        self._classes.merge(other._classes)

    def distribution(self) -> Profile:
        """Return the section `labels`."""
        return {"labels": self._classes.result()}


LABEL_PROFILES.register(CLASSIFICATION.name, ClassProfile)
