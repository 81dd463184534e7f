"""Rules of target texts: a target has characters."""

import polars as pl

from mgm.corpus.kinds.label_rules import LABEL_RULES, LabelRules, Suggestion
from mgm.corpus.rejects import LABEL_EMPTY
from mgm.tasks.kinds import GENERATION

_MIN_CHARACTERS = 20
_MIN_SHARE_OF_VALUES = 0.5


class TargetTextRules(LabelRules):
    """Rules of a text a document."""

    def rules(self, column: str) -> dict[str, pl.Expr]:
        """Return the rule that a target is not blank."""
        return {LABEL_EMPTY: (pl.col(column).str.strip_chars() != "").fill_null(True)}

    def suggestion(self, labels: pl.Series) -> Suggestion | None:
        """Suggest a column of texts that differ, without confidence: to learn to write them takes long."""
        if labels.dtype != pl.String or labels.n_unique() < _MIN_SHARE_OF_VALUES * len(labels):
            return None
        characters = float(labels.str.len_chars().mean() or 0.0)  # type: ignore[arg-type]
        if characters < _MIN_CHARACTERS:
            return None
        return Suggestion(f"texts of {characters:.0f} characters on average", is_confident=False)


LABEL_RULES.register(GENERATION.name, TargetTextRules())
