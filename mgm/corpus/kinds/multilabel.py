"""Rules of label sets: each label has characters."""

import polars as pl

from mgm.corpus.kinds.label_rules import LABEL_RULES, LabelRules
from mgm.corpus.rejects import LABEL_EMPTY
from mgm.tasks.kinds import MULTILABEL


class LabelSetRules(LabelRules):
    """Rules of a list of labels a document."""

    def rules(self, column: str) -> dict[str, pl.Expr]:
        """Return the rule that no label of the list is blank or null."""
        label = pl.element()
        is_empty = (label.str.strip_chars() == "") | label.is_null()
        return {LABEL_EMPTY: ~pl.col(column).list.eval(is_empty).list.any().fill_null(False)}


LABEL_RULES.register(MULTILABEL.name, LabelSetRules())
