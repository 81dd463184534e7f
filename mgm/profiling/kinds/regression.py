"""The profile of numbers: their histogram and quantiles."""

from collections.abc import Sequence
from typing import Self

import polars as pl

from mgm.profiling.kinds.label_profile import LABEL_PROFILES, LabelProfile
from mgm.profiling.layout import Profile
from mgm.profiling.streaming_histograms import RealHistogram
from mgm.tasks.kinds import REGRESSION


class NumberProfile(LabelProfile):
    """Gathers the histogram of numbers, with the bounds of the profile to compare with, or else with their deciles."""

    def __init__(self, kind: str, bounds: Sequence[float] | None = None) -> None:
        """Begin without any label."""
        super().__init__(kind, bounds)
        self._values = RealHistogram(bounds)

    def add_labels(self, labels: pl.Series) -> None:
        """Add the numbers of the labelled documents of one part."""
        self._values.add(labels)

    def merge_labels(self, other: Self) -> None:
        """Add the numbers of other parts."""
        self._values.merge(other._values)

    def distribution(self) -> Profile:
        """Return the section `values`."""
        return {"values": self._values.result()}


LABEL_PROFILES.register(REGRESSION.name, NumberProfile)
