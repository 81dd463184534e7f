"""Rules of label sets: each label has characters."""

import polars as pl

from mgm.corpus.kinds.label_rules import LABEL_RULES, LabelRules, Suggestion
from mgm.corpus.rejects import LABEL_EMPTY
from mgm.tasks.kinds import MULTILABEL

_MIN_USES_PER_LABEL = 3


class LabelSetRules(LabelRules):
    """Rules of a list of labels a document."""

    def rules(self, column: str) -> dict[str, pl.Expr]:
        """Return the rule that no label of the list is blank or null."""
        label = pl.element()
        is_empty = (label.str.strip_chars() == "") | label.is_null()
        return {LABEL_EMPTY: ~pl.col(column).list.eval(is_empty).list.any().fill_null(False)}

    def names(self, labels: pl.Series) -> pl.Series:
        """Return the labels of all sets."""
        return labels.explode(empty_as_null=False).drop_nulls()

    def suggestion(self, labels: pl.Series) -> Suggestion | None:
        """Suggest a column of lists of texts or whole numbers that repeat."""
        if not isinstance(labels.dtype, pl.List):
            return None
        flat = labels.explode(empty_as_null=False).drop_nulls()
        if not (flat.dtype == pl.String or flat.dtype.is_integer()) or flat.is_empty():
            return None
        if flat.n_unique() * _MIN_USES_PER_LABEL > len(flat):
            return None
        return Suggestion(f"lists of {flat.n_unique():,} labels in {len(labels):,} rows")


LABEL_RULES.register(MULTILABEL.name, LabelSetRules())
