"""The checks of a task's labels, and the registry of them: one class a kind of task."""

from abc import ABC, abstractmethod
from typing import ClassVar

import polars as pl

from mgm.corpus.contract import SPLITS
from mgm.quality.frame import SHOWN_ROWS, shown_ids
from mgm.quality.task_faults import TaskFaults, format_share
from mgm.tasks import KindRegistry, Task

SPAN_FAULTS = ("span_outside", "span_blank_ends", "span_overlap")


class TaskChecks(ABC):
    """Counts the labels of one task part by part, and checks them."""

    has_exclusive_classes: ClassVar[bool] = False
    """Whether a labelled document has exactly one class, so that the largest class and unseen classes have a share of documents."""

    has_spans: ClassVar[bool] = False
    """Whether labels are spans, which must begin and end where words do."""

    def __init__(self, task: Task) -> None:
        """Begin without any document."""
        self.task = task
        self._by_split = pl.DataFrame(
            schema={"split": pl.String, "rows": pl.Int64, "labelled": pl.Int64, "empty": pl.Int64}
        )
        self._empty_ids: list[str] = []

    @classmethod
    @abstractmethod
    def invalid_label(cls, task: Task) -> pl.Expr:
        """Return the fault of a document's label, in words; null where there is none."""

    @classmethod
    def span_faults(cls, frame: pl.DataFrame, task: Task) -> pl.DataFrame | None:
        """Return a column each of SPAN_FAULTS, row-aligned with `frame`: the first such span of each document, or null.

        None where labels are no spans.
        """
        return None

    def add(self, frame: pl.DataFrame) -> None:
        """Add a part of documents: doc_id, text, split and the task's column."""
        labels = pl.col(self.task.columns.label)
        is_set = self.task.spec.is_set_valued
        empty = labels.list.len() == 0 if is_set else pl.lit(False)
        part = frame.group_by("split").agg(
            pl.len().cast(pl.Int64).alias("rows"),
            labels.is_not_null().sum().cast(pl.Int64).alias("labelled"),
            empty.fill_null(False).sum().cast(pl.Int64).alias("empty"),
        )
        self._by_split = pl.concat([self._by_split, part]).group_by("split").sum()
        if is_set and len(self._empty_ids) < SHOWN_ROWS:
            self._empty_ids += shown_ids(frame.filter(empty))
        self.add_labels(frame)

    @abstractmethod
    def add_labels(self, frame: pl.DataFrame) -> None:
        """Count the labels of a part of documents."""

    def num_rows(self, *splits: str) -> int:
        """Return the number of documents of these splits; without any, of all."""
        return self._total("rows", splits)

    def num_labelled(self, *splits: str) -> int:
        """Return the number of labelled documents of these splits; without any, of all."""
        return self._total("labelled", splits)

    def _total(self, column: str, splits: tuple[str, ...] = ()) -> int:
        rows = self._by_split.filter(pl.col("split").is_in(splits)) if splits else self._by_split
        return int(rows[column].sum())

    def num_train_labels(self) -> int | None:
        """Return the number of distinct labels in train; None for kinds without labels, and where no row is labelled."""
        return None

    def num_train_values(self) -> int | None:
        """Return the number of distinct targets in train, for kinds that need two to learn; None as for labels."""
        return None

    def find_faults(self, faults: TaskFaults) -> None:
        """Add the faults of the task's labels."""
        self._check_labelled(faults)
        if self.task.spec.is_set_valued:
            faults.check_share(
                "empty_lists",
                self._total("empty"),
                total=self.num_labelled(),
                text="labelled rows have an empty list",
                ids=self._empty_ids,
                parameter="empty",
            )

    def _check_labelled(self, faults: TaskFaults) -> None:
        for outcome, parameter in (("stopped", "labelled_stop"), ("warned", "labelled_warn")):
            min_share = getattr(faults.gate, parameter)
            low = [
                f"{format_share(n, rows)} rows of {split} are labelled"
                for split in SPLITS
                if 0 < (n := self.num_labelled(split)) < min_share * (rows := self.num_rows(split))
            ]
            if low:
                limit = faults.describe_limit(parameter, comparison="below")
                faults.add(f"labelled_low_{outcome}", f"{', '.join(low)}, {limit}")
                return


TASK_CHECKS: KindRegistry[type[TaskChecks]] = KindRegistry("checks of labels")
