"""The profile of a training snapshot: what its documents were like, to compare later ones with.

A profile is a dictionary ready for JSON, some 30 kB a corpus; nothing in it needs the documents again:

    version, split              of this layout; the split that is profiled, or null: all documents
    rows, words, unknown_words  by split: documents, words, the share of words outside the vocabulary
    unknown                     by split: n (words), unknown, design_effect, per_document (a histogram)
    words_per_document          a histogram
    characters_per_document     a histogram, of the raw text from the first word to the last
    languages                   n, counts
    vocabulary                  n (words), documents, distinct, top (the most frequent words, lower case, and
                                their counts), design_effect, document_frequencies, sketch
    tasks                       by task: kind, rows, labelled, and labels with their counts, or values (a
                                histogram), per_document (a histogram) where a document has several
    predictions                 the same of predicted labels, where they were added

All but `rows`, `words`, `unknown_words` and `unknown` is of the one split. mgm/profiling/drift.py compares two.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import rensa

from mgm.profiling.streaming_histograms import (
    DIGITS,
    SHARE_BOUNDS,
    SIZE_BOUNDS,
    Clustered,
    Histogram,
    Numbers,
    Sizes,
    histogram,
)
from mgm.tasks import Task

VERSION = 1
ALL = "all"  # stands for the split where there are none
TOP_WORDS = 1000
EFFECT_WORDS = 200  # the most frequent, of which the design effect is taken
SKETCH_VALUES, SKETCH_SEED = 512, 1
SKETCH = f"RMinHash {rensa.RMinHash.ALGORITHM_VERSION}, {SKETCH_VALUES} values, seed {SKETCH_SEED}"
# In how many documents a word occurs: one bin each up to 64.
FREQUENCY_BOUNDS = [*range(2, 65), *(bound for bound in SIZE_BOUNDS if bound > 64)]

Profile = dict[str, Any]


def comparable_profiles(path: Path) -> dict[str, Profile]:
    """The profiles of a file such as data/features/profile.json, by corpus, that have this version's layout.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no profiles.
    """
    try:
        corpora = json.loads(path.read_text(encoding="utf-8"))["corpora"]
        return {name: found for name, found in sorted(corpora.items()) if found.get("version") == VERSION}
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: no profiles of corpora in it: {error!r}") from error


class CorpusProfile:
    """Gathers the profile of one corpus, or of one night's documents, part by part in any order.

    Memory: about 400 bytes a distinct word, whatever the number of documents.
    """

    def __init__(
        self, tasks: Sequence[Task], split: str | None = "train", like: Profile | None = None
    ) -> None:
        """What will be added.

        Args:
            tasks: those whose labels the documents carry; none for documents without labels.
            split: the split to profile; None: all documents, which then need no column `split`.
            like: a profile to be compared with later: real numbers are binned as there. Without it they are
                binned by their own deciles, and compare with no other profile but those made like this one.
        """
        self._split = split
        self._like = like
        self._rows: Counter[str] = Counter()
        self._unknown: dict[str, _Unknown] = {}
        self._words_per_document, self._characters = Sizes(), Sizes()
        self._languages: Counter[str] = Counter()
        self._words = Clustered()
        self._tasks = {task.name: self._labels(task) for task in tasks if task.kind != "generation"}
        self._predictions: dict[str, _Labels] = {}

    def _labels(self, task: Task) -> "_Labels":
        return _Labels(task, _bounds(self._like, task))

    def add(self, documents: pl.DataFrame, types: pl.DataFrame) -> None:
        """Adds one part: a FeaturePart's documents and types.

        Args:
            documents: split, lang, start, end, word (rows of `types`) and the task columns; without `lang` no
                languages are counted.
            types: text, id.
        """
        outside = types["id"].to_numpy() == 0
        if self._split is None:
            documents = documents.with_columns(split=pl.lit(ALL))
        for (split,), rows in sorted(documents.partition_by("split", as_dict=True).items()):
            self._rows[str(split)] += rows.height
            owner, words = _exploded(rows["word"])
            self._unknown.setdefault(str(split), _Unknown()).add(owner, outside[words], rows.height)
        profiled = documents.filter(pl.col("split") == (self._split or ALL))
        self._words_per_document.add(profiled["word"].list.len())
        extent = profiled.select((pl.col("end").list.last() - pl.col("start").list.first()).fill_null(0))
        self._characters.add(extent.to_series())
        if "lang" in profiled.columns:
            self._languages.update(_counted(profiled["lang"]))
        self._add_words(profiled["word"], types["text"])
        for name, labels in self._tasks.items():
            labels.add(profiled[name])

    def _add_words(self, words: pl.Series, texts: pl.Series) -> None:
        """Counts words in lower case, so that two types may be one word."""
        lower = texts.str.to_lowercase().alias("text").to_frame()
        names = lower.unique(maintain_order=True).with_row_index("code")
        code = lower.join(names, on="text", how="left", maintain_order="left")["code"].to_numpy()
        owner, types = _exploded(words)
        self._words.add(owner, code[types], names["text"], len(words))

    def add_predictions(self, predictions: pl.DataFrame, tasks: Sequence[Task]) -> None:
        """Adds one part of predicted labels, a column a task; tasks of text are left out."""
        for task in tasks:
            if task.kind != "generation":
                self._predictions.setdefault(task.name, self._labels(task)).add(predictions[task.name])

    def result(self) -> Profile:
        """The profile, ready for JSON."""
        unknown = {split: found.result() for split, found in sorted(self._unknown.items())}
        frequencies = self._words.table["documents"].to_numpy().astype(np.float64)
        result = {
            "version": VERSION,
            "split": self._split,
            "rows": dict(sorted(self._rows.items())),
            **_unknown_shares(unknown),
            "unknown": unknown,
            "words_per_document": self._words_per_document.result(),
            "characters_per_document": self._characters.result(),
            "languages": _mix(self._languages),
            "vocabulary": {
                "n": self._words.n,
                "documents": self._words.documents,
                "distinct": self._words.table.height,
                "top": self._words.counts(TOP_WORDS),
                "design_effect": self._words.design_effect(EFFECT_WORDS),
                "document_frequencies": histogram(frequencies, np.ones(len(frequencies)), FREQUENCY_BOUNDS),
                "sketch": {"algorithm": SKETCH, "values": _hex(_sketch(self._words.table["value"]))},
            },
            "tasks": {name: labels.result() for name, labels in self._tasks.items()},
        }
        if self._predictions:
            result["predictions"] = {name: labels.result() for name, labels in self._predictions.items()}
        return result


def pool(profiles: Sequence[Profile]) -> Profile:
    """The profile of the documents of several profiles together, as far as it can be told without them.

    Counts and histograms add up, and the sketch is exact. Not so: of words, those that stand in only one of
    the lists of the most frequent have the count of that list (no loss where each has all of its words);
    design effects are means weighted by n, without what the profiles differ by. Left out: quantiles, distinct
    words and their document frequencies, and histograms whose bounds differ (regression). A task's rows are
    those of the profiles that have it.

    Raises:
        ValueError: there are none, or they differ in layout, split, sketch or the kind of a task.
    """
    if not profiles:
        raise ValueError("pool: expected at least one profile, found none")
    for what in ("version", "split"):
        _same(what, [profile.get(what) for profile in profiles])
    vocabularies = [profile["vocabulary"] for profile in profiles]
    sketches = [vocabulary["sketch"] for vocabulary in vocabularies]
    top = _summed([vocabulary["top"] for vocabulary in vocabularies])
    lowest = np.min([sketch_values(sketch) for sketch in sketches], axis=0)
    unknown = _pooled_by_name([profile["unknown"] for profile in profiles], _pool_unknown)
    result = {
        "version": profiles[0]["version"],
        "split": profiles[0]["split"],
        "rows": _summed([profile["rows"] for profile in profiles]),
        **_unknown_shares(unknown),
        "unknown": unknown,
        "words_per_document": _pool_histograms([p["words_per_document"] for p in profiles]),
        "characters_per_document": _pool_histograms([p["characters_per_document"] for p in profiles]),
        "languages": _mix(Counter(_summed([profile["languages"]["counts"] for profile in profiles]))),
        "vocabulary": {
            "n": sum(vocabulary["n"] for vocabulary in vocabularies),
            "documents": sum(vocabulary["documents"] for vocabulary in vocabularies),
            "top": dict(sorted(top.items(), key=lambda item: (-item[1], item[0]))[:TOP_WORDS]),
            "design_effect": _pool_effects(vocabularies),
            "sketch": {
                "algorithm": _same("sketch", [sketch["algorithm"] for sketch in sketches]),
                "values": _hex(lowest),
            },
        },
        "tasks": _pooled_by_name([profile["tasks"] for profile in profiles], _pool_labels),
    }
    predicted = [profile["predictions"] for profile in profiles if "predictions" in profile]
    return result | ({"predictions": _pooled_by_name(predicted, _pool_labels)} if predicted else {})


def held_out_unknown(profile: Profile) -> Profile:
    """`unknown` of the splits valid and test together, or without them of all documents.

    The words of training documents are known by construction, so their share says nothing of later ones.
    """
    unknown = profile["unknown"]
    held_out = [unknown[split] for split in ("valid", "test") if split in unknown]
    return _pool_unknown(held_out or list(unknown.values()))


def sketch_values(sketch: Mapping[str, str]) -> np.ndarray:
    """The numbers of a profile's sketch."""
    return np.frombuffer(bytes.fromhex(sketch["values"]), dtype=">u4")


class _Unknown:
    """Words outside the vocabulary: how many there are, and their share of each document."""

    def __init__(self) -> None:
        self._outside = Clustered()
        self._shares = np.zeros(len(SHARE_BOUNDS) + 1, dtype=np.int64)

    def add(self, owner: np.ndarray, outside: np.ndarray, documents: int) -> None:
        self._outside.add(owner, outside.astype(np.int64), pl.Series(["known", "unknown"]), documents)
        sizes = np.bincount(owner, minlength=documents)
        found = np.bincount(owner[outside], minlength=documents)[sizes > 0] / sizes[sizes > 0]
        self._shares += histogram(found, np.ones(len(found)), SHARE_BOUNDS)["counts"]

    def result(self) -> Profile:
        counts = self._shares.tolist()
        return {
            "n": self._outside.n,
            "unknown": self._outside.counts(2).get("unknown", 0),
            "design_effect": self._outside.design_effect_of("unknown"),
            "per_document": {"n": sum(counts), "bounds": SHARE_BOUNDS, "counts": counts},
        }


class _Labels:
    """The labels of one task, given or predicted."""

    def __init__(self, task: Task, bounds: Sequence[float] | None) -> None:
        self._kind = task.kind
        self._rows = self._labelled = 0
        self._single: Counter[str] = Counter()
        self._several, self._sizes = Clustered(), Sizes()
        self._values = Numbers(bounds)

    def add(self, column: pl.Series) -> None:
        """Adds one part's labels; null: not labelled."""
        self._rows += len(column)
        column = column.drop_nulls()
        self._labelled += len(column)
        if self._kind == "regression":
            self._values.add(column)
        elif self._kind == "classification":
            self._single.update(_counted(column))
        else:
            values = column.explode(empty_as_null=False)
            names = (values.struct.field("label") if self._kind == "tagging" else values).alias("label")
            distinct = names.unique().sort()
            codes = distinct.search_sorted(names).to_numpy()
            sizes = column.list.len()
            self._several.add(
                np.repeat(np.arange(len(column)), sizes.to_numpy()), codes, distinct, len(column)
            )
            self._sizes.add(sizes)

    def result(self) -> Profile:
        profile: Profile = {"kind": self._kind, "rows": self._rows, "labelled": self._labelled}
        if self._kind == "regression":
            return profile | {"values": self._values.result()}
        if self._kind == "classification":
            return profile | {"labels": _mix(self._single)}
        labels = _mix(Counter(dict(self._several.table.select("value", "n").iter_rows())))
        labels["design_effect"] = self._several.design_effect(EFFECT_WORDS)
        return profile | {"labels": labels, "per_document": self._sizes.result()}


def _bounds(like: Profile | None, task: Task) -> list[float] | None:
    """How a profile binned a task's values."""
    values = (like or {}).get("tasks", {}).get(task.name, {}).get("values")
    return values["bounds"] if values else None


def _exploded(lists: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """The row of each value of the lists, and the values."""
    sizes = lists.list.len().to_numpy()
    return np.repeat(np.arange(len(lists)), sizes), lists.explode(empty_as_null=False).to_numpy()


def _counted(values: pl.Series) -> dict[str, int]:
    counts = values.drop_nulls().alias("value").value_counts(sort=True, name="n")
    return dict(counts.select("value", "n").iter_rows())


def _mix(counts: Counter[str]) -> Profile:
    return {"n": sum(counts.values()), "counts": dict(sorted(counts.items()))}


def _unknown_shares(unknown: Mapping[str, Profile]) -> Profile:
    """The words of each split, and the share of them that the vocabulary does not know."""
    return {
        "words": {split: found["n"] for split, found in unknown.items()},
        "unknown_words": {
            split: round(found["unknown"] / found["n"], DIGITS)
            for split, found in unknown.items()
            if found["n"]
        },
    }


def _sketch(words: pl.Series) -> list[int]:
    """The MinHash of distinct words, the same in any order."""
    sketch = rensa.RMinHash(SKETCH_VALUES, SKETCH_SEED)
    for some in words.to_frame().iter_slices(100_000):
        sketch.update(some.to_series().to_list())
    return list(sketch.digest())


def _hex(values: Any) -> str:
    return np.asarray(values, dtype=">u4").tobytes().hex()


def _same(what: str, values: Sequence[Any]) -> Any:
    """The one value that all have."""
    for value in values:
        if value != values[0]:
            raise ValueError(
                f"profiles that differ in {what}: {values[0]!r} and {value!r}; expected the same"
            )
    return values[0]


def _summed(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for own in counts:
        total.update(own)
    return dict(sorted(total.items()))


def _pooled_by_name(sections: Sequence[Mapping[str, Profile]], pooled: Any) -> Profile:
    """What stands under the same name in several sections, as one."""
    names = sorted({name for section in sections for name in section})
    return {name: pooled([section[name] for section in sections if name in section]) for name in names}


def _pool_histograms(histograms: Sequence[Histogram]) -> Histogram:
    _same("the bounds of a histogram", [own["bounds"] for own in histograms])
    counts = np.sum([own["counts"] for own in histograms], axis=0).tolist()
    return {"n": sum(counts), "bounds": histograms[0]["bounds"], "counts": counts}


def _pool_effects(sections: Sequence[Profile]) -> float:
    n = np.array([section["n"] for section in sections])
    effects = np.array([section["design_effect"] for section in sections])
    return round(float(effects @ n / n.sum()), 3) if n.sum() else 1.0


def _pool_unknown(sections: Sequence[Profile]) -> Profile:
    if not sections:
        return _Unknown().result()
    return {
        "n": sum(section["n"] for section in sections),
        "unknown": sum(section["unknown"] for section in sections),
        "design_effect": _pool_effects(sections),
        "per_document": _pool_histograms([section["per_document"] for section in sections]),
    }


def _pool_labels(sections: Sequence[Profile]) -> Profile:
    result: Profile = {"kind": _same("the kind of a task", [section["kind"] for section in sections])}
    result |= {name: sum(section[name] for section in sections) for name in ("rows", "labelled")}
    if "labels" in sections[0]:
        labels = [section["labels"] for section in sections]
        result["labels"] = _mix(Counter(_summed([own["counts"] for own in labels])))
        if "design_effect" in labels[0]:
            result["labels"]["design_effect"] = _pool_effects(labels)
    if "per_document" in sections[0]:
        result["per_document"] = _pool_histograms([section["per_document"] for section in sections])
    if "values" in sections[0] and all(
        s["values"]["bounds"] == sections[0]["values"]["bounds"] for s in sections
    ):
        result["values"] = _pool_histograms([section["values"] for section in sections])
    return result
