"""The checks of spans: where they begin and end, and their labels."""

from typing import ClassVar

import polars as pl

from mgm.quality.kinds.multilabel import LabelSetChecks
from mgm.quality.kinds.task_checks import SPAN_FAULTS, TASK_CHECKS
from mgm.tasks import Task
from mgm.tasks.kinds import TAGGING

_ROW = 1 << 32
"""More than any offset, so that the keys of different rows never mix."""


class SpanChecks(LabelSetChecks):
    """Checks that spans lie inside their text, begin and end on no blank, and do not overlap."""

    has_spans: ClassVar[bool] = True

    @classmethod
    def label_name(cls, item: pl.Expr) -> pl.Expr:
        """Return the label of a span."""
        return item.struct.field("label")

    @classmethod
    def span_faults(cls, frame: pl.DataFrame, task: Task) -> pl.DataFrame:
        """Return a column each of SPAN_FAULTS, row-aligned with `frame`: the first such span of each document, or null."""
        start, end = pl.col("start").cast(pl.Int64), pl.col("end").cast(pl.Int64)
        base = pl.col("row").cast(pl.Int64) * _ROW
        spans = (
            frame.lazy()
            .select(
                "text",
                pl.col("text").str.len_chars().cast(pl.Int64).alias("length"),
                pl.col(task.columns.label).alias("span"),
            )
            .with_row_index("row")
            .filter((pl.col("span").list.len() > 0) & pl.col("text").is_not_null())
            .explode("span")
            .unnest("span")
            .sort("row", "start", "end", maintain_order=True)
            .with_columns(
                inside=((start >= 0) & (end > start) & (end <= pl.col("length"))).fill_null(False),
                # The furthest end of the document's earlier spans; those of earlier documents lie below its first offset.
                furthest_end=(base + end.fill_null(0)).cum_max().shift(1),
            )
            .with_columns(piece=pl.when("inside").then(pl.col("text").str.slice(start, end - start)))
        )
        is_fault = {
            "span_outside": ~pl.col("inside"),
            "span_blank_ends": pl.col("piece") != pl.col("piece").str.strip_chars(),
            "span_overlap": pl.col("inside") & (base + start < pl.col("furthest_end")),
        }
        label = pl.col("label").fill_null("null")
        faults = (
            spans.with_columns(**is_fault)
            .filter(pl.any_horizontal(*SPAN_FAULTS))
            .with_columns(
                text=pl.format(task.name + ": {} [{}, {})", label, "start", "end").fill_null(
                    f"{task.name}: a span without offsets"
                )
            )
            .group_by("row", maintain_order=True)
            .agg(pl.col("text").filter(fault).first().alias(fault) for fault in SPAN_FAULTS)
            .collect()
        )
        rows = pl.DataFrame({"row": pl.int_range(frame.height, dtype=pl.get_index_type(), eager=True)})
        return rows.join(faults, on="row", how="left", maintain_order="left").drop("row")


TASK_CHECKS.register(TAGGING.name, SpanChecks)
