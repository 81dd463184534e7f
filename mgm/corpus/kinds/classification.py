"""Rules of classes: a label has characters."""

import polars as pl

from mgm.corpus.kinds.label_rules import LABEL_RULES, LabelRules, Suggestion
from mgm.corpus.rejects import LABEL_EMPTY
from mgm.tasks.kinds import CLASSIFICATION

_MIN_ROWS_PER_VALUE = 5
_MAX_CHARACTERS = 60
_MAX_NUMBERS = 10
"""Most different whole numbers that are taken for classes; more are a scale."""


class ClassRules(LabelRules):
    """Rules of one label a document."""

    def rules(self, column: str) -> dict[str, pl.Expr]:
        """Return the rule that a label is not blank."""
        return {LABEL_EMPTY: (pl.col(column).str.strip_chars() != "").fill_null(True)}

    def names(self, labels: pl.Series) -> pl.Series:
        """Return the classes."""
        return labels.drop_nulls()

    def suggestion(self, labels: pl.Series) -> Suggestion | None:
        """Suggest a column of few values: texts that repeat, truth values, or a few whole numbers."""
        values = labels.n_unique()
        if labels.dtype.is_integer():
            is_class = values <= _MAX_NUMBERS
        elif labels.dtype == pl.String:
            is_class = int(labels.str.len_chars().max() or 0) <= _MAX_CHARACTERS  # type: ignore[arg-type]
        else:
            is_class = labels.dtype == pl.Boolean
        if not is_class or values * _MIN_ROWS_PER_VALUE > len(labels):
            return None
        return Suggestion(f"{values:,} values in {len(labels):,} rows")


LABEL_RULES.register(CLASSIFICATION.name, ClassRules())
