"""The profile of spans: how often each label stands, and how many spans a document has."""

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
