"""The rows that training and validation read: those of one split that carry a label of a trained task, or a teacher's
answer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from mgm.tasks import Task
from mgm.text.features import FeaturePart


@dataclass(frozen=True)
class Source:
    """The chosen rows of one part of a corpus, and the number of words (n,) of each."""

    corpus: str
    part: FeaturePart
    rows: np.ndarray
    length: np.ndarray

    def tasks_of(self, tasks: list[Task]) -> list[Task]:
        """Those of `tasks` that this corpus labels."""
        return [t for t in tasks if t.encoded in self.part.documents.columns]


def labelled(
    parts: Mapping[str, Iterable[FeaturePart]], tasks: list[Task], split: str, with_taught: bool = False
) -> list[Source]:
    """A source for every part that has a row of `split` with a label of one of `tasks`, corpora in the given
    order. `with_taught`: also the rows of the training split with nothing but a teacher's answer."""
    sources = []
    for corpus, corpus_parts in parts.items():
        for part in corpus_parts:
            encoded = [t.encoded for t in tasks if t.encoded in part.documents.columns]
            if not encoded:
                continue
            known = [pl.col(name).is_not_null() for name in encoded]
            if with_taught and split == "train":
                known += [_answered(part.documents, t) for t in tasks if t.taught in part.documents.columns]
            chosen = part.documents.select((pl.col("split") == split) & pl.any_horizontal(known)).to_series()
            rows = chosen.arg_true().to_numpy().astype(np.int64)
            if len(rows):
                sources.append(_source(corpus, part, rows))
    return sources


def training_rows(parts: Mapping[str, Iterable[FeaturePart]]) -> list[Source]:
    """Every row of the training split, labelled or not, corpora in the given order: a row without labels is of a split, too,
    that of its group."""
    sources = []
    for corpus, corpus_parts in parts.items():
        for part in corpus_parts:
            rows = (part.documents["split"] == "train").arg_true().to_numpy().astype(np.int64)
            if len(rows):
                sources.append(_source(corpus, part, rows))
    return sources


def _source(corpus: str, part: FeaturePart, rows: np.ndarray) -> Source:
    length = part.documents["word"].list.len().to_numpy()[rows].astype(np.int64)
    return Source(corpus, part, rows, length)


def _answered(documents: pl.DataFrame, task: Task) -> pl.Expr:
    column = pl.col(task.taught)
    return ~(column if task.kind == "regression" else column.arr.first()).is_nan()
