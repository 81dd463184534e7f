"""What one row says of itself: the columns of the frame `documents` that need no other row, and never the text."""

import polars as pl

from mgm.tasks import Task

SPANS = ("span_outside", "span_blank_ends", "span_overlap")
_ROW = 1 << 32  # more than any offset: keys of different rows never mix


def narrow(
    frame: pl.DataFrame, tasks: list[Task], after_ingest: bool, languages_follow: bool = False
) -> pl.DataFrame:
    """One part without its texts; `group` and `text` are left as hashes, for `overlap.across`."""
    text = pl.col("text")
    # Single spaces, the most frequent match of all, are what they become: leaving them alone is several times faster.
    same = text.str.to_lowercase().str.replace_all(r"\s{2,}|[^\S ]", " ").str.strip_chars()
    columns = frame.select(
        "doc_id",
        "lang",
        "split",
        text.str.len_chars().alias("text_characters"),
        _raw_characters("edits" in frame.columns).alias("raw_characters"),
        (text.str.strip_chars().str.len_bytes() == 0).alias("text_blank"),
        pl.col("group").hash().alias("group"),
        pl.when(text.is_not_null()).then(same.hash()).alias("text"),
        joined([_invalid_label(task) for task in tasks]).alias("label_invalid"),
    )
    if not after_ingest:
        return columns
    missing = pl.col("lang").is_null() & (not languages_follow)
    columns = columns.with_columns(lang_missing=pl.when(missing).then(pl.lit("no language")))
    faults = [_span_faults(frame, task.name) for task in tasks if task.kind == "tagging"]
    found = pl.concat(faults, how="horizontal") if faults else columns.select()
    return columns.with_columns(
        found.select(
            joined([pl.col(c) for c in found.columns if c.startswith(f"{kind}:")]).alias(kind)
        ).to_series()
        if faults
        else pl.lit(None, pl.String).alias(kind)
        for kind in SPANS
    )


def joined(texts: list[pl.Expr]) -> pl.Expr:
    """The texts that are not null, in one; null where all are."""
    if not texts:
        return pl.lit(None, pl.String)
    return pl.when(pl.any_horizontal(t.is_not_null() for t in texts)).then(
        pl.concat_str(texts, separator="; ", ignore_nulls=True)
    )


def _raw_characters(edited: bool) -> pl.Expr:
    """The length of the raw text between the blanks at its ends, as the profile measures it up to a mark or two.

    After cleaning, the edits say what was there before; those at the ends are blanks that were trimmed.
    """
    length = pl.col("text").str.strip_chars().str.len_chars().cast(pl.Int64)
    if not edited:
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


def _invalid_label(task: Task) -> pl.Expr:
    value = pl.col(task.name)
    if task.kind == "regression":
        return pl.when(~value.is_finite()).then(pl.format(task.name + ": {}", value))
    if task.kind in ("multilabel", "tagging"):
        name = pl.element() if task.kind == "multilabel" else pl.element().struct.field("label")
        invalid = value.list.eval(name.is_null() | (name.str.strip_chars() == "")).list.any()
    else:
        invalid = value.str.strip_chars() == ""
    return pl.when(invalid).then(pl.lit(f"{task.name}: a blank label"))


def _span_faults(frame: pl.DataFrame, task: str) -> pl.DataFrame:
    """Three columns, one a kind of fault, row-aligned with `frame`: the first such span of each document."""
    start, end = pl.col("start").cast(pl.Int64), pl.col("end").cast(pl.Int64)
    base = pl.col("row").cast(pl.Int64) * _ROW
    spans = (
        frame.lazy()
        .select(
            "text", pl.col("text").str.len_chars().cast(pl.Int64).alias("length"), pl.col(task).alias("span")
        )
        .with_row_index("row")
        .filter((pl.col("span").list.len() > 0) & pl.col("text").is_not_null())
        .explode("span")
        .unnest("span")
        .sort("row", "start", "end", maintain_order=True)
        .with_columns(
            inside=((start >= 0) & (end > start) & (end <= pl.col("length"))).fill_null(False),
            # The furthest end of the document's earlier spans: those of earlier documents lie below its first place.
            reached=(base + end.fill_null(0)).cum_max().shift(1),
        )
        .with_columns(piece=pl.when("inside").then(pl.col("text").str.slice(start, end - start)))
    )
    kinds = {
        "span_outside": ~pl.col("inside"),
        "span_blank_ends": pl.col("piece") != pl.col("piece").str.strip_chars(),
        "span_overlap": pl.col("inside") & (base + start < pl.col("reached")),
    }
    at_fault = (
        spans.with_columns(**kinds)
        .filter(pl.any_horizontal(*kinds))
        .with_columns(
            shown=pl.format(
                task + ": {} [{}, {})", pl.col("label").fill_null("null"), "start", "end"
            ).fill_null(f"{task}: a span without offsets")
        )
        .group_by("row", maintain_order=True)
        .agg(pl.col("shown").filter(kind).first().alias(f"{kind}:{task}") for kind in kinds)
        .collect()
    )
    rows = pl.DataFrame({"row": pl.int_range(frame.height, dtype=pl.get_index_type(), eager=True)})
    return rows.join(at_fault, on="row", how="left", maintain_order="left").drop("row")
