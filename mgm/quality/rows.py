"""Columns of the frame `documents` that need no other row, and never hold the text."""

import polars as pl

from mgm.quality.frame import join_texts
from mgm.quality.kinds import SPAN_FAULTS, TASK_CHECKS
from mgm.tasks import Task


def narrow_columns(
    frame: pl.DataFrame, tasks: list[Task], *, after_ingest: bool, detects_language: bool = False
) -> pl.DataFrame:
    """Return one part without its texts; `group` and `text` are left as hashes, for `add_cross_split_columns`.

    Args:
        after_ingest: whether languages and spans are checked too.
        detects_language: whether a later stage detects the language, so that none may be missing yet.
    """
    text = pl.col("text")
    # Single spaces, the most frequent match of all, stay as they are: leaving them out is several times faster.
    folded = text.str.to_lowercase().str.replace_all(r"\s{2,}|[^\S ]", " ").str.strip_chars()
    columns = frame.select(
        "doc_id",
        "lang",
        "split",
        text.str.len_chars().alias("text_characters"),
        _raw_characters(has_edits="edits" in frame.columns).alias("raw_characters"),
        (text.str.strip_chars().str.len_bytes() == 0).alias("text_blank"),
        pl.col("group").hash().alias("group"),
        pl.when(text.is_not_null()).then(folded.hash()).alias("text"),
        join_texts([TASK_CHECKS[task.kind].invalid_label(task) for task in tasks]).alias("label_invalid"),
    )
    if not after_ingest:
        return columns
    missing = pl.col("lang").is_null() & (not detects_language)
    columns = columns.with_columns(lang_missing=pl.when(missing).then(pl.lit("no language")))
    return columns.with_columns(_span_faults(frame, tasks))


def _span_faults(frame: pl.DataFrame, tasks: list[Task]) -> list[pl.Series] | list[pl.Expr]:
    """Return the columns SPAN_FAULTS, those of several tasks joined."""
    by_task = [
        faults for task in tasks if (faults := TASK_CHECKS[task.kind].span_faults(frame, task)) is not None
    ]
    if not by_task:
        return [pl.lit(None, pl.String).alias(fault) for fault in SPAN_FAULTS]
    return [
        pl.DataFrame([faults[fault].alias(str(i)) for i, faults in enumerate(by_task)])
        .select(join_texts([pl.col(str(i)) for i in range(len(by_task))]).alias(fault))
        .to_series()
        for fault in SPAN_FAULTS
    ]


def _raw_characters(*, has_edits: bool) -> pl.Expr:
    """Return the length of the raw text between the blanks at its ends, as the profile measures it up to a mark or two.

    After cleaning, the edits hold the lengths before it; those at the ends are blanks that were trimmed.
    """
    length = pl.col("text").str.strip_chars().str.len_chars().cast(pl.Int64)
    if not has_edits:
        return length
    edits = pl.col("edits")
    first, last = edits.list.first().struct, edits.list.last().struct
    all_edits = (
        edits.list.eval(
            pl.element().struct.field("old_end")
            - pl.element().struct.field("old_start")
            - pl.element().struct.field("new_end")
            + pl.element().struct.field("new_start")
        )
        .list.sum()
        .fill_null(0)
    )
    leading = pl.when(first.field("new_end") == 0).then(first.field("old_end") - first.field("old_start"))
    trailing = pl.when(
        (last.field("new_start") > 0) & (last.field("new_start") >= pl.col("text").str.len_chars())
    ).then(last.field("old_end") - last.field("old_start"))
    return length + all_edits - leading.fill_null(0) - trailing.fill_null(0)
