"""Rules of spans: each has a label and lies within the text."""

import polars as pl

from mgm.corpus.kinds.label_rules import LABEL_RULES, LabelRules, Suggestion
from mgm.corpus.rejects import LABEL_EMPTY, SPAN_OUTSIDE_TEXT
from mgm.tasks.kinds import TAGGING


class SpanRules(LabelRules):
    """Rules of a list of labelled spans a document."""

    def rules(self, column: str) -> dict[str, pl.Expr]:
        """Return the rules that no span's label is blank or null, and that every span is a range of characters of the text."""
        spans, label = pl.col(column), pl.element().struct.field("label")
        is_empty = (label.str.strip_chars() == "") | label.is_null()
        start, end = pl.element().struct.field("start"), pl.element().struct.field("end")
        is_range = spans.list.eval(((start >= 0) & (end > start)).fill_null(False)).list.all()
        last_end = spans.list.eval(end).list.max()
        is_inside = (last_end <= pl.col("text").str.len_chars()).fill_null(True)
        return {
            LABEL_EMPTY: ~spans.list.eval(is_empty).list.any().fill_null(False),
            SPAN_OUTSIDE_TEXT: (is_range & is_inside).fill_null(True),
        }

    def names(self, labels: pl.Series) -> pl.Series:
        """Return the labels of all spans."""
        return labels.explode(empty_as_null=False).drop_nulls().struct.field("label").drop_nulls()

    def suggestion(self, labels: pl.Series) -> Suggestion | None:
        """Suggest a column of lists of objects with start, end and label."""
        inner = labels.dtype.inner if isinstance(labels.dtype, pl.List) else None
        if not isinstance(inner, pl.Struct):
            return None
        fields = [field.name for field in inner.fields]
        if not {"start", "end", "label"} <= set(fields):
            return None
        spans = labels.explode(empty_as_null=False).drop_nulls()
        if spans.is_empty():
            return None
        names = spans.struct.field("label").n_unique()
        return Suggestion(
            f"lists of start, end, label: {len(spans):,} spans of {names:,} labels in {len(labels):,} rows"
        )


LABEL_RULES.register(TAGGING.name, SpanRules())
