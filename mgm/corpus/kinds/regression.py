"""Rules of numbers: a label is finite."""

import polars as pl

from mgm.corpus.kinds.label_rules import LABEL_RULES, LabelRules, Suggestion
from mgm.corpus.rejects import LABEL_NOT_FINITE
from mgm.tasks.kinds import REGRESSION

_MIN_VALUES = 3
_FEW_NUMBERS = 10
"""Whole numbers that are as likely classes as a scale."""


class NumberRules(LabelRules):
    """Rules of a number a document."""

    def rules(self, column: str) -> dict[str, pl.Expr]:
        """Return the rule that a number is finite."""
        return {LABEL_NOT_FINITE: pl.col(column).is_finite().fill_null(True)}

    def suggestion(self, labels: pl.Series) -> Suggestion | None:
        """Suggest a column of numbers; whole numbers that all differ are ids or counts, and none."""
        values = labels.n_unique()
        if not labels.dtype.is_numeric() or values < _MIN_VALUES:
            return None
        is_whole = labels.dtype.is_integer()
        if is_whole and values == len(labels):
            return None
        low, high = (f"{float(end):g}" for end in (labels.min(), labels.max()))  # type: ignore[arg-type]
        reason = f"{'whole ' if is_whole else ''}numbers from {low} to {high}, {values:,} values"
        return Suggestion(reason, is_confident=not is_whole or values > _FEW_NUMBERS)


LABEL_RULES.register(REGRESSION.name, NumberRules())
