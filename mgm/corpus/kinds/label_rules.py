"""The rules for the labels of a row, by kind of task, and the registry that the modules beside this one fill."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import polars as pl

from mgm.tasks import KindRegistry


@dataclass(frozen=True)
class Suggestion:
    """What a column would be as a task of one kind.

    Attributes:
        reason: what the column holds, such as `4 values in 2,000 rows`.
        is_confident: whether the column may be made a task without asking; False: it is only mentioned.
    """

    reason: str
    is_confident: bool = True


class LabelRules(ABC):
    """The rules that the labels of one kind of task keep in every row of documents."""

    @abstractmethod
    def rules(self, column: str) -> dict[str, pl.Expr]:
        """Return the rules of a task's column: reject reason to a boolean a row, false or null where the row breaks the rule.

        An expression may read the column `text`, too. A row without a label (null) keeps every rule.
        """

    def names(self, labels: pl.Series) -> pl.Series | None:
        """Return the names in labels, one after another, without nulls; None for a kind whose labels are no names of a list."""
        return None

    def suggestion(self, labels: pl.Series) -> Suggestion | None:
        """Return what a column of raw rows would be as a task of this kind; None: none of this kind.

        Args:
            labels: the column's values that are not null, at least two different ones, typed as they look.
        """
        return None


LABEL_RULES: KindRegistry[LabelRules] = KindRegistry("rules of its labels")
