"""The statistics of features that their gate and the report read, gathered part by part over all corpora."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from mgm.corpus.statistics import Statistics
from mgm.profiling.detected_languages import DETECTED, detected_languages
from mgm.profiling.layout import Profile
from mgm.profiling.profile import CorpusProfile
from mgm.profiling.typical_words import TypicalWords
from mgm.quality.leaks import Leaks
from mgm.settings.text import TextSettings
from mgm.tasks import Task
from mgm.text import labels
from mgm.text.features import FeaturePart
from mgm.text.vocabulary import WordCounts, normalize_words


class CorpusStatistics:
    """The profile of one corpus, and its counts of sentences and words."""

    def __init__(self, tasks: Sequence[Task], settings: TextSettings) -> None:
        """Begin without any document."""
        self._settings = settings
        self._profile, self._counts = CorpusProfile(tasks), Statistics()
        self._distinct_words = WordCounts()
        self._languages: Counter[str] = Counter()

    def add(self, part: FeaturePart) -> None:
        """Add one part."""
        self._profile.add(part.documents, part.types)
        self._counts.count("sentences", int(part.documents["sentence"].list.len().sum()))
        self._counts.measure("words_per_document", part.documents["word"].list.len())
        words = normalize_words(part.types["text"], self._settings.features.stem)
        self._distinct_words.add(words, np.ones(part.types.height, np.int64))
        train = part.documents.filter(pl.col("split") == "train")
        self._languages.update(detected_languages(train, part.types, settings=self._settings.language))

    def merge(self, other: "CorpusStatistics") -> None:
        """Add other parts of the corpus."""
        self._profile.merge(other._profile)
        self._counts.add(other._counts)
        self._distinct_words.merge(other._distinct_words)
        self._languages.update(other._languages)

    def profile(self) -> Profile:
        """Return the profile. Its `languages` are the declared ones; a night declares none, and is compared by the detected ones."""
        detected = {"n": self._languages.total(), "counts": self._languages}
        return self._profile.result() | {DETECTED: detected}

    def counts(self) -> dict[str, Any]:
        """Return the counts, ready for JSON."""
        return self._counts.result() | {"distinct_words": self._distinct_words.num_words()}


class LabelStatistics:
    """The labels of all tasks: the number of rows with one, the count of each, and the words that go with it."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        """Begin without any document."""
        self._unseen = Counter({task.name: 0 for task in tasks if task.spec.has_label_space})
        self._typical_words, self._leaks = TypicalWords(tasks), Leaks(tasks)
        self._labelled_rows: dict[str, Counter[str]] = defaultdict(Counter)
        self._labels: dict[str, dict[str, Counter[str]]] = defaultdict(partial(defaultdict, Counter))

    def add(self, tokens: pl.DataFrame, part: FeaturePart, *, tasks: Sequence[Task]) -> None:
        """Add one part of a corpus that labels these tasks: its tokens, and the features made from them."""
        self._unseen.update(labels.count_unseen(tokens, tasks))
        self._typical_words.add(part.documents, part.types)
        self._leaks.add(part.documents, part.types)
        for (split,), rows in sorted(tokens.partition_by("split", as_dict=True).items()):
            for task in tasks:
                self._labelled_rows[task.name][str(split)] += (
                    rows.height - rows[task.columns.label].null_count()
                )
                if task.spec.has_label_space:
                    frequencies = (
                        labels.flat_labels(rows, task).alias("label").value_counts(sort=True, name="n")
                    )
                    counts = dict(frequencies.select("label", "n").iter_rows())
                    self._labels[task.name][str(split)].update(counts)

    def merge(self, other: "LabelStatistics") -> None:
        """Add other parts."""
        self._unseen.update(other._unseen)
        self._typical_words.merge(other._typical_words)
        self._leaks.merge(other._leaks)
        for task, rows in other._labelled_rows.items():
            self._labelled_rows[task].update(rows)
        for task, splits in other._labels.items():
            for split, counts in splits.items():
                self._labels[task][split].update(counts)

    def result(self) -> dict[str, Any]:
        """Return labelled_rows, labels, unseen_labels, top_words and leaks, ready for JSON."""
        return {
            "labelled_rows": self._labelled_rows,
            "labels": self._labels,
            "unseen_labels": self._unseen,
            "top_words": self._typical_words.result(),
            "leaks": self._leaks.result(),
        }
