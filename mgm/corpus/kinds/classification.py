"""Rules of classes: a label has characters."""

import polars as pl

from mgm.corpus.kinds.label_rules import LABEL_RULES, LabelRules
from mgm.corpus.rejects import LABEL_EMPTY
from mgm.tasks.kinds import CLASSIFICATION


class ClassRules(LabelRules):
    """Rules of one label a document."""

    def rules(self, column: str) -> dict[str, pl.Expr]:
        """Return the rule that a label is not blank."""
        return {LABEL_EMPTY: (pl.col(column).str.strip_chars() != "").fill_null(True)}


LABEL_RULES.register(CLASSIFICATION.name, ClassRules())
