"""Rules of target texts: any text is one, an empty one too."""

import polars as pl

from mgm.corpus.kinds.label_rules import LABEL_RULES, LabelRules
from mgm.tasks.kinds import GENERATION


class TargetTextRules(LabelRules):
    """Rules of a text a document."""

    def rules(self, column: str) -> dict[str, pl.Expr]:
        """Return no rule."""
        return {}


LABEL_RULES.register(GENERATION.name, TargetTextRules())
