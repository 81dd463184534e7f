"""The profile of sets of labels: the count of each label, and the number of labels of a document."""

from collections.abc import Sequence
from typing import Self

import numpy as np
import polars as pl

from mgm.profiling.kinds.label_profile import LABEL_PROFILES, LabelProfile
from mgm.profiling.layout import Profile
from mgm.profiling.streaming_histograms import (
    DESIGN_EFFECT_VALUES,
    ClusteredCounts,
    IntegerHistogram,
    category_counts,
)
from mgm.tasks.kinds import MULTILABEL


class LabelSetProfile(LabelProfile):
    """Counts the labels of documents that have several each."""

    def __init__(self, kind: str, bounds: Sequence[float] | None = None) -> None:
        """Begin without any label."""
        super().__init__(kind, bounds)
        self._labels, self._labels_per_document = ClusteredCounts(), IntegerHistogram()

    def names(self, items: pl.Series) -> pl.Series:
        """Return the label of each item of the lists."""
        return items

    def add_labels(self, labels: pl.Series) -> None:
        """Add the lists of the labelled documents of one part."""
        names = self.names(labels.explode(empty_as_null=False)).alias("label")
        distinct = names.unique().sort()
        sizes = labels.list.len()
        self._labels.add(
            row_ids=np.repeat(np.arange(len(labels)), sizes.to_numpy()),
            codes=distinct.search_sorted(names).to_numpy(),
            names=distinct,
            num_documents=len(labels),
        )
        self._labels_per_document.add(sizes)

    def merge_labels(self, other: Self) -> None:
        """Add the labels of other parts."""
        self._labels.merge(other._labels)
        self._labels_per_document.merge(other._labels_per_document)

    def distribution(self) -> Profile:
        """Return the sections `labels` and `per_document`."""
        labels = category_counts(
            {
                value: n
                for rows in self._labels.divisions()
                for value, n in rows.select("value", "n").iter_rows()
            }
        )
        labels["design_effect"] = self._labels.design_effect(DESIGN_EFFECT_VALUES)
        return {"labels": labels, "per_document": self._labels_per_document.result()}


LABEL_PROFILES.register(MULTILABEL.name, LabelSetProfile)
