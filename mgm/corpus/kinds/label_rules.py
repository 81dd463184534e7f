"""The rules for the labels of a row, by kind of task, and the registry that the modules beside this one fill."""

from abc import ABC, abstractmethod

import polars as pl

from mgm.tasks import KindRegistry


class LabelRules(ABC):
    """The rules that the labels of one kind of task keep in every row of documents."""

    @abstractmethod
    def rules(self, column: str) -> dict[str, pl.Expr]:
        """Return the rules of a task's column: reject reason to a boolean a row, false or null where the row breaks the rule.

        An expression may read the column `text`, too. A row without a label (null) keeps every rule.
        """


LABEL_RULES: KindRegistry[LabelRules] = KindRegistry("rules of its labels")
