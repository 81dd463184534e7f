"""Labels of tagging: list[i16], one BIO tag a word.

A tag is OUTSIDE, or 1 + 2i for the first word of a span of label i, or 2 + 2i for a further word of it.
"""

import numpy as np
import polars as pl

from mgm.tasks import Task
from mgm.tasks.kinds import TAGGING
from mgm.text.labels.encoder import LABEL_ENCODERS, UNSEEN, LabelEncoder, label_ids
from mgm.text.list_columns import Array, flatten, flatten_ints, lengths, local_index, row_ids, unflatten
from mgm.text.offsets import position_keys
from mgm.text.subwords import Subwords

OUTSIDE = 0
"""The tag of a word outside every span."""


class SpanEncoder(LabelEncoder):
    """Labelled spans of a document; those of rare labels are dropped."""

    def encode(self, frame: pl.DataFrame, task: Task, *, subwords: Subwords | None) -> pl.Series:
        """Return the tags of the words, whose offsets are the columns `start` and `end`."""
        column = frame[task.columns.label]
        counts = lengths(frame["start"])
        row, spans = row_ids(lengths(column)), flatten(column)
        labels = label_ids(spans.struct.field("label"), task.labels).fill_null(UNSEEN).to_numpy()
        first, last = _words_of_spans(frame, row=row, spans=spans)
        known = (labels != UNSEEN) & (first < last)
        size = (last - first)[known]
        place = local_index(size)
        tags = np.full(counts.sum(), OUTSIDE, dtype=np.int16)
        tags[np.repeat(first[known], size) + place] = 1 + 2 * np.repeat(labels[known], size) + (place > 0)
        labelled = column.is_not_null().to_numpy()
        return unflatten(
            pl.Series(tags[np.repeat(labelled, counts)]),
            np.where(labelled, counts, 0),
            name=column.name,
            valid=labelled,
        )

    def flatten(self, column: pl.Series) -> pl.Series:
        """Return the labels of all spans of all documents."""
        return flatten(column).struct.field("label").drop_nulls()

    def drop(self, column: pl.Expr, labels: pl.Series) -> pl.Expr:
        """Return the lists without spans of these labels."""
        return column.list.filter(~pl.element().struct.field("label").is_in(labels.implode()))


def _words_of_spans(frame: pl.DataFrame, *, row: Array, spans: pl.Series) -> tuple[Array, Array]:
    """Return the words [first, last) that each span overlaps, counted over all rows; the earlier of two spans has a shared word.

    Args:
        frame: tokens with `start` and `end`.
        row: the row of each span, (spans,).
        spans: the spans of all rows.
    """
    start, end = spans.struct.field("start").to_numpy(), spans.struct.field("end").to_numpy()
    word_row = row_ids(lengths(frame["start"]))
    first = np.searchsorted(
        position_keys(word_row, flatten_ints(frame["end"])), position_keys(row, start), side="right"
    )
    last = np.searchsorted(
        position_keys(word_row, flatten_ints(frame["start"])), position_keys(row, end), side="left"
    )
    order = np.lexsort((-last, first))
    taken = np.maximum.accumulate(np.append(0, last[order]))[:-1]
    first[order] = np.maximum(first[order], taken)
    return first, last


LABEL_ENCODERS.register(TAGGING.name, SpanEncoder())
