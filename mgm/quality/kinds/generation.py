"""The checks of target texts: none is blank, and few stand as a line of their source."""

import polars as pl

from mgm.quality.frame import SHOWN_ROWS, shown_ids
from mgm.quality.kinds.task_checks import TASK_CHECKS, TaskChecks
from mgm.quality.task_faults import TaskFaults
from mgm.tasks import Task
from mgm.tasks.kinds import GENERATION

_MARKS = r"[\p{P}\p{S}\s]"


class TargetChecks(TaskChecks):
    """Counts the targets that are a line of their text, where copying is learned."""

    def __init__(self, task: Task) -> None:
        """Begin without any document."""
        super().__init__(task)
        self._num_in_source = self._num_first_line = 0
        self._in_source_ids: list[str] = []

    @classmethod
    def invalid_label(cls, task: Task) -> pl.Expr:
        """Return the fault of a blank target."""
        blank = pl.col(task.columns.label).str.strip_chars() == ""
        return pl.when(blank).then(pl.lit(f"{task.name}: a blank label"))

    def add_labels(self, frame: pl.DataFrame) -> None:
        """Count targets that are a line of their text; case, blanks at its ends and such marks as "# " do not matter.

        Most texts do not hold their target at all, and only those that do are cut into lines.
        """
        text = pl.col("text").str.to_lowercase()
        target = pl.col(self.task.columns.label).str.to_lowercase().str.strip_chars()
        candidates = (
            frame.lazy()
            .select("doc_id", text=text, target=target)
            .filter((pl.col("target") != "") & pl.col("text").str.contains(pl.col("target"), literal=True))
        )
        lines = pl.col("text").str.replace_all(rf"{_MARKS}*\n{_MARKS}*", "\n")
        ends = rf"^{_MARKS}+|{_MARKS}+$"
        bare_lines, bare_target = lines.str.replace_all(ends, ""), pl.col("target").str.replace_all(ends, "")
        leaks = (
            candidates.with_columns(
                text=pl.format("\n{}\n", bare_lines), target=pl.format("\n{}\n", bare_target)
            )
            .filter(pl.col("text").str.contains(pl.col("target"), literal=True))
            .select("doc_id", is_first=pl.col("text").str.starts_with(pl.col("target")))
            .collect()
        )
        self._num_in_source += leaks.height
        self._num_first_line += int(leaks["is_first"].sum())
        self._in_source_ids += shown_ids(leaks)[: SHOWN_ROWS - len(self._in_source_ids)]

    def find_faults(self, faults: TaskFaults) -> None:
        """Add the faults of the task's targets."""
        super().find_faults(faults)
        faults.check_share(
            "target_in_source",
            self._num_in_source,
            total=self.num_labelled(),
            text=f"targets are a line of their text ({self._num_first_line:,} its first)",
            ids=self._in_source_ids,
        )


TASK_CHECKS.register(GENERATION.name, TargetChecks)
