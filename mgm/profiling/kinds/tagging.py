"""The profile of spans: the count of each label, and the number of spans of a document."""

import polars as pl

from mgm.profiling.kinds.label_profile import LABEL_PROFILES
from mgm.profiling.kinds.multilabel import LabelSetProfile
from mgm.tasks.kinds import TAGGING


class SpanProfile(LabelSetProfile):
    """Counts the labels of spans."""

    def names(self, items: pl.Series) -> pl.Series:
        """Return the label of each span."""
        return items.struct.field("label")


LABEL_PROFILES.register(TAGGING.name, SpanProfile)
