"""The profile of one corpus, gathered part by part (its layout: mgm/profiling/layout.py)."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl

from mgm.profiling.kinds import LABEL_PROFILES, LabelProfile
from mgm.profiling.layout import ALL_DOCUMENTS, VERSION, Profile
from mgm.profiling.streaming_histograms import (
    DESIGN_EFFECT_VALUES,
    SIZE_BOUNDS,
    CategoryCounts,
    ClusteredCounts,
    IntegerHistogram,
    add_histograms,
    histogram,
)
from mgm.profiling.unknown_words import UnknownWords, unknown_shares
from mgm.profiling.vocabulary_sketch import ALGORITHM, sketch_words, to_hex
from mgm.tasks import Task, TaskColumns
from mgm.text.list_columns import Array

TOP_WORDS = 1000
FREQUENCY_BOUNDS = [*range(2, 65), *(bound for bound in SIZE_BOUNDS if bound > 64)]
"""Bounds for the number of documents in which a word occurs: one bin each up to 64."""


class CorpusProfile:
    """Gathers the profile of one corpus, or of one night's documents, part by part in any order.

    Memory: bounded, see `ClusteredCounts`.
    """

    def __init__(
        self, tasks: Sequence[Task], *, split: str | None = "train", reference: Profile | None = None
    ) -> None:
        """Begin without any document.

        Args:
            tasks: those whose labels the documents carry; none for documents without labels.
            split: the split to profile; None: all documents, which then need no column `split`.
            reference: a profile to compare with later: real numbers are binned as there. Without it they are
                binned by their own deciles, and compare only with profiles that have this one as their reference.
        """
        self._split = split
        self._reference = reference
        self._num_rows: Counter[str] = Counter()
        self._unknown: dict[str, UnknownWords] = {}
        self._words_per_document, self._characters = IntegerHistogram(), IntegerHistogram()
        self._languages = CategoryCounts()
        self._words = ClusteredCounts()
        self._labels = {task.name: self._new_labels(task) for task in tasks if not task.spec.generates_text}
        self._predictions: dict[str, LabelProfile] = {}

    def _new_labels(self, task: Task) -> LabelProfile:
        values = (self._reference or {}).get("tasks", {}).get(task.name, {}).get("values")
        return LABEL_PROFILES[task.kind](task.kind, values["bounds"] if values else None)

    def add(self, documents: pl.DataFrame, types: pl.DataFrame) -> None:
        """Add one part: a FeaturePart's documents and types.

        Args:
            documents: split, lang, start, end, word (rows of `types`) and the task columns; without `lang` no
                languages are counted.
            types: text, id.
        """
        is_unknown = types["id"].to_numpy() == 0
        if self._split is None:
            documents = documents.with_columns(split=pl.lit(ALL_DOCUMENTS))
        for (split,), rows in sorted(documents.partition_by("split", as_dict=True).items()):
            self._num_rows[str(split)] += rows.height
            row_ids, words = _explode(rows["word"])
            unknown = self._unknown.setdefault(str(split), UnknownWords())
            unknown.add(row_ids=row_ids, is_unknown=is_unknown[words], num_documents=rows.height)
        profiled = documents.filter(pl.col("split") == (self._split or ALL_DOCUMENTS))
        self._words_per_document.add(profiled["word"].list.len())
        extent = profiled.select((pl.col("end").list.last() - pl.col("start").list.first()).fill_null(0))
        self._characters.add(extent.to_series())
        if "lang" in profiled.columns:
            self._languages.add(profiled["lang"])
        self._add_words(profiled["word"], types["text"])
        for name, labels in self._labels.items():
            labels.add(profiled[TaskColumns(name).label])

    def _add_words(self, words: pl.Series, texts: pl.Series) -> None:
        """Count words in lower case, so that two types may be one word."""
        lower = texts.str.to_lowercase().alias("text").to_frame()
        names = lower.unique(maintain_order=True).with_row_index("code")
        code = lower.join(names, on="text", how="left", maintain_order="left")["code"].to_numpy()
        row_ids, types = _explode(words)
        self._words.add(row_ids=row_ids, codes=code[types], names=names["text"], num_documents=len(words))

    def merge(self, other: "CorpusProfile") -> None:
        """Add other parts, which were gathered for the same tasks, split and reference; their predictions are left out."""
        self._num_rows.update(other._num_rows)
        for split, unknown in other._unknown.items():
            self._unknown.setdefault(split, UnknownWords()).merge(unknown)
        self._words_per_document.merge(other._words_per_document)
        self._characters.merge(other._characters)
        self._languages.merge(other._languages)
        self._words.merge(other._words)
        for name, labels in self._labels.items():
            labels.merge(other._labels[name])

    def add_predictions(self, predictions: pl.DataFrame, tasks: Sequence[Task]) -> None:
        """Add one part of predicted labels, a column a task; generated texts are left out."""
        for task in tasks:
            if not task.spec.generates_text:
                labels = self._predictions.setdefault(task.name, self._new_labels(task))
                labels.add(predictions[task.name])

    def result(self) -> Profile:
        """Return the profile, ready for JSON."""
        unknown = {split: words.result() for split, words in sorted(self._unknown.items())}
        result = {
            "version": VERSION,
            "split": self._split,
            "rows": dict(sorted(self._num_rows.items())),
            **unknown_shares(unknown),
            "unknown": unknown,
            "words_per_document": self._words_per_document.result(),
            "characters_per_document": self._characters.result(),
            "languages": self._languages.result(),
            "vocabulary": self._vocabulary(),
            "tasks": {name: labels.result() for name, labels in self._labels.items()},
        }
        if self._predictions:
            result["predictions"] = {name: labels.result() for name, labels in self._predictions.items()}
        return result

    def _vocabulary(self) -> Profile:
        """Return the section of the words, read one division at a time."""
        words = self._words
        bins = [
            histogram(
                division["documents"].to_numpy().astype(np.float64),
                np.ones(division.height),
                bounds=FREQUENCY_BOUNDS,
            )
            for division in words.divisions()
        ]
        frequencies = add_histograms(bins)
        sketch = sketch_words(division["value"] for division in words.divisions())
        return {
            "n": words.n,
            "documents": words.num_documents,
            "distinct": frequencies["n"],
            "top": words.counts(TOP_WORDS),
            "design_effect": words.design_effect(DESIGN_EFFECT_VALUES),
            "document_frequencies": frequencies,
            "sketch": {"algorithm": ALGORITHM, "values": to_hex(sketch)},
        }


def _explode(lists: pl.Series) -> tuple[Array, Array]:
    """Return the row of each value of the lists, and the values."""
    sizes = lists.list.len().to_numpy()
    return np.repeat(np.arange(len(lists)), sizes), lists.explode(empty_as_null=False).to_numpy()
