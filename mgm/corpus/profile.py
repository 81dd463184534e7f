"""The profile of a training snapshot: what its documents were like, to compare later ones with."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from mgm.tasks import Task

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
TOP_WORDS = 100
_DIGITS = 6  # of shares and quantiles, so that equal data is equal bytes whatever the order of sums

Profile = dict[str, Any]


def quantiles(values: np.ndarray) -> dict[str, float]:
    """The quantiles of numbers, by their level; empty where there are none."""
    if len(values) == 0:
        return {}
    found = np.quantile(values, QUANTILES)
    return {str(level): round(float(value), _DIGITS) for level, value in zip(QUANTILES, found, strict=True)}


def shares(counts: Counter[str], total: int | None = None) -> dict[str, float]:
    """Counts as shares of `total`, else of their sum, by name."""
    whole = sum(counts.values()) if total is None else total
    return {name: round(n / whole, _DIGITS) for name, n in sorted(counts.items())} if whole else {}


class CorpusProfile:
    """Gathers the profile of one corpus part by part.

    Everything but `rows` and `unknown_words` is of the training split alone. Memory: 8 bytes a document, and
    about 100 bytes a distinct word.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = [task for task in tasks if task.kind != "generation"]
        self._rows: Counter[str] = Counter()
        self._words: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._languages: Counter[str] = Counter()
        self._word_counts = pl.DataFrame(schema={"word": pl.String, "n": pl.Int64})
        self._lengths: list[np.ndarray] = []
        self._labelled: Counter[str] = Counter()
        self._labels: dict[str, Counter[str]] = {task.name: Counter() for task in self._tasks}
        self._values: dict[str, list[np.ndarray]] = {task.name: [] for task in self._tasks}

    def add(self, documents: pl.DataFrame, types: pl.DataFrame) -> None:
        """Adds one part: documents (split, lang, word: rows of `types`, task columns), types (text, id)."""
        unknown = types["id"].to_numpy() == 0
        for (split,), rows in sorted(documents.partition_by("split", as_dict=True).items()):
            words = rows["word"].explode(empty_as_null=False).to_numpy()
            self._rows[split] += rows.height
            self._words[split] += len(words)
            self._unknown[split] += int(unknown[words].sum())
        train = documents.filter(pl.col("split") == "train")
        self._lengths.append(train["word"].list.len().to_numpy().astype(np.int32))
        self._languages.update(_counted(train["lang"]))
        used = np.bincount(train["word"].explode(empty_as_null=False).to_numpy(), minlength=types.height)
        fresh = pl.DataFrame({"word": types["text"].str.to_lowercase(), "n": used.astype(np.int64)})
        both = pl.concat([self._word_counts, fresh.filter(pl.col("n") > 0)])
        self._word_counts = both.group_by("word").agg(pl.col("n").sum())
        for task in self._tasks:
            self._add_labels(task, train[task.name].drop_nulls())

    def _add_labels(self, task: Task, column: pl.Series) -> None:
        self._labelled[task.name] += len(column)
        if task.kind == "regression":
            self._values[task.name].append(column.to_numpy())
        elif task.kind == "classification":
            self._labels[task.name].update(_counted(column))
        else:
            values = column.explode(empty_as_null=False)
            self._labels[task.name].update(
                _counted(values.struct.field("label") if task.kind == "tagging" else values)
            )

    def result(self) -> Profile:
        """The profile, ready for JSON."""
        train = self._words["train"]
        top = self._word_counts.sort("n", "word", descending=[True, False]).head(TOP_WORDS)
        return {
            "rows": dict(sorted(self._rows.items())),
            "words": dict(sorted(self._words.items())),
            "unknown_words": {
                split: round(self._unknown[split] / n, _DIGITS)
                for split, n in sorted(self._words.items())
                if n
            },
            "words_per_document": quantiles(np.concatenate([np.empty(0), *self._lengths])),
            "languages": shares(self._languages),
            "top_words": {word: round(n / train, _DIGITS) for word, n in top.iter_rows()},
            "tasks": {task.name: self._task(task) for task in self._tasks},
        }

    def _task(self, task: Task) -> Profile:
        labelled = self._labelled[task.name]
        profile: Profile = {"labelled": labelled}
        if task.kind == "regression":
            return profile | {"values": quantiles(np.concatenate([np.empty(0), *self._values[task.name]]))}
        # A document may have several labels: of the documents for lists, of the spans for tags.
        return profile | {
            "labels": shares(self._labels[task.name], labelled if task.kind == "multilabel" else None)
        }


def _counted(values: pl.Series) -> dict[str, int]:
    counts = values.drop_nulls().alias("value").value_counts(sort=True, name="n")
    return dict(counts.select("value", "n").iter_rows())
