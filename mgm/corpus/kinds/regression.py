"""Rules of numbers: a label is finite."""

import polars as pl

from mgm.corpus.kinds.label_rules import LABEL_RULES, LabelRules
from mgm.corpus.rejects import LABEL_NOT_FINITE
from mgm.tasks.kinds import REGRESSION


class NumberRules(LabelRules):
    """Rules of a number a document."""

    def rules(self, column: str) -> dict[str, pl.Expr]:
        """Return the rule that a number is finite."""
        return {LABEL_NOT_FINITE: pl.col(column).is_finite().fill_null(True)}


LABEL_RULES.register(REGRESSION.name, NumberRules())
