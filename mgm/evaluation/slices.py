"""Slices: how the model does on parts of the test split, and where it is significantly worse than on all of it.

Documents are cut by language, corpus, length and share of unknown words; labels by how often training has them.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mgm.evaluation.bootstrap import Draws, bounds
from mgm.evaluation.items import KINDS, Items, items
from mgm.evaluation.metrics import statistics
from mgm.evaluation.multiple_testing import ALPHA, holm, p_below
from mgm.evaluation.numbers import rounded
from mgm.evaluation.sufficient_statistics import Statistics
from mgm.tasks import Task

COMPARED = {
    "classification": "accuracy",
    "multilabel": "micro_f1",
    "tagging": "span_f1",
    "regression": "mae",
    "generation": "chrf",
}
"""What slices are compared by, which a slice's own mix of classes or range of values does not move by itself, as it does
macro-F1 and Pearson's coefficient."""
LOWER_IS_BETTER = ("mae",)
POOLED = "micro_f1"
"""What labels are compared by: F1 of all their items together."""
FREQUENCIES = (1, 10, 100, 1_000, 10_000)
"""A label's occurrences in training at which another slice begins."""


@dataclass(frozen=True)
class Cut:
    """A slice: by what, its name, documents, groups, and the statistics and places of its resamples. n: documents, or true
    items for labels."""

    by: str
    name: str
    n: int
    groups: int
    statistics: Statistics
    places: pl.DataFrame


def slices(
    rows: pl.DataFrame, train: pl.Series, task: Task, labels: Sequence[str], draws: Draws, groups: int
) -> list[dict[str, Any]]:
    """by, name, n, groups, metric, value, low, high, difference (to all documents), p (of being no worse, one-sided), and for
    cuts of documents first (the task's first metric there) with first_low and first_high.

    rows: labelled; train: training's labels. p is null where a slice has fewer than `groups` groups. What holds all
    documents is no slice.
    """
    found = statistics(rows, task, labels)
    places, name = rows.select("corpus", "group"), COMPARED[task.kind]
    whole = _measured(found, places, name, draws)
    content = []
    for cut in _document_cuts(rows, found):
        entry = _entry(cut, name, whole, draws, groups)
        if task.first_metric != name:
            value, drawn = _measured(cut.statistics, cut.places, task.first_metric, draws)
            low, high = bounds(drawn)
            entry |= {"first": rounded(value), "first_low": rounded(low), "first_high": rounded(high)}
        content.append(entry)
    if task.kind in KINDS:
        known = items(rows, task, labels)
        pooled = _measured(_pooled(known), places, POOLED, draws)
        content += [
            _entry(cut, POOLED, pooled, draws, groups)
            for cut in _label_cuts(known, places, _occurrences(train, task))
        ]
    return content


def flag(found: dict[str, list[dict[str, Any]]]) -> None:
    """Adds to every slice of all tasks p_adjusted (Holm, over all that are judged) and below: whether it is significantly
    worse than average."""
    every = [entry for entries in found.values() for entry in entries]
    judged = [entry for entry in every if entry["p"] is not None]
    adjusted = holm([entry["p"] for entry in judged])
    for entry in every:
        entry |= {"p_adjusted": None, "below": False}
    for entry, p in zip(judged, adjusted, strict=True):
        entry |= {"p_adjusted": rounded(p), "below": bool(p <= ALPHA)}


def _entry(
    cut: Cut, metric: str, whole: tuple[float, np.ndarray], draws: Draws, groups: int
) -> dict[str, Any]:
    value, drawn = _measured(cut.statistics, cut.places, metric, draws)
    low, high = bounds(drawn)
    sign = -1 if metric in LOWER_IS_BETTER else 1
    p = (
        p_below(sign * (value - whole[0]), sign * (drawn - whole[1]))
        if cut.groups >= groups
        else float("nan")
    )
    return {
        "by": cut.by,
        "name": cut.name,
        "n": cut.n,
        "groups": cut.groups,
        "metric": metric,
        "value": rounded(value),
        "low": rounded(low),
        "high": rounded(high),
        "difference": rounded(value - whole[0]),
        "p": None if np.isnan(p) else float(f"{p:.3g}"),
    }


def _measured(found: Statistics, places: pl.DataFrame, metric: str, draws: Draws) -> tuple[float, np.ndarray]:
    return found.score()[metric], draws.metric(found, places, metric)


def _document_cuts(rows: pl.DataFrame, found: Statistics) -> Iterator[Cut]:
    """Those of a trait with at least two values."""
    traits = [("language", _values(rows["lang"])), ("corpus", _values(rows["corpus"]))]
    if "words" in rows.columns:
        traits.append(("words", _quarters(rows["words"].to_numpy(), lambda x: f"{x:,.0f}")))
    if "unknown" in rows.columns:
        traits.append(("unknown words", _quarters(rows["unknown"].to_numpy(), lambda x: f"{x:.1%}")))
    for by, named in traits:
        if len(named) < 2:
            continue
        for name, mask in named:
            places = rows.filter(mask).select("corpus", "group")
            yield Cut(by, name, places.height, places.n_unique(), found.of(np.flatnonzero(mask)), places)


def _values(column: pl.Series) -> list[tuple[str, np.ndarray]]:
    return [(str(value), (column == value).to_numpy()) for value in column.drop_nulls().unique().sort()]


def _quarters(values: np.ndarray, text: Any) -> list[tuple[str, np.ndarray]]:
    """Cut at the quartiles; fewer parts where many values are equal."""
    if not len(values):
        return []
    cuts = np.unique(np.quantile(values, [0.25, 0.5, 0.75], method="lower"))
    cuts = cuts[cuts < values.max()]
    part = np.searchsorted(cuts, values, side="left")
    names = ["none" if cuts[0] == 0 else f"up to {text(cuts[0])}"] if len(cuts) else ["all"]
    names += [f"above {text(a)} to {text(b)}" for a, b in itertools.pairwise(cuts)]
    names += [f"above {text(cuts[-1])}"] if len(cuts) else []
    return [(name, part == number) for number, name in enumerate(names)]


def _label_cuts(found: Items, places: pl.DataFrame, often: dict[str, int]) -> Iterator[Cut]:
    """Labels by their occurrences in training, where there are two such parts with a true item in the test split."""
    band = np.searchsorted(FREQUENCIES, [often.get(label, 0) for label in found.space], side="right")
    sums = np.asarray(found.statistics.documents.sum(axis=0), np.float64).reshape(1, -1)
    support = found.counted(sums).support[0]
    held = [b for b in np.unique(band) if support[band == b].sum() > 0]
    for b in held if len(held) > 1 else []:
        own = np.flatnonzero(band == b)
        groups = places.filter(found.having(own)).n_unique()
        n = int(support[own].sum())
        yield Cut("label frequency", _band_name(int(b)), n, groups, _pooled(found, own), places)


def _pooled(found: Items, own: np.ndarray | slice = slice(None)) -> Statistics:
    return Statistics(found.statistics.documents, lambda s: {POOLED: found.counted(s).pooled(own).f1[:, 0]})


def _occurrences(train: pl.Series, task: Task) -> dict[str, int]:
    """How often training has each label; of spans, how many."""
    known = train.drop_nulls()
    if task.kind != "classification":
        known = known.explode().drop_nulls()
    if task.kind == "tagging":
        known = known.struct.field("label")
    counted = known.alias("label").to_frame().group_by("label").agg(n=pl.len())
    return dict(counted.iter_rows())


def _band_name(band: int) -> str:
    if band == 0:
        return "never in training"
    if band == len(FREQUENCIES):
        return f"{FREQUENCIES[-1]:,} or more"
    return f"{FREQUENCIES[band - 1]:,} to {FREQUENCIES[band] - 1:,}"
