"""What one model for all tasks gives or costs: the joint model's first metrics beside those of the study's
variants, as differences on the same documents and in the same resamples.

Axis: R resamples. A table of rows is a predictions frame (metrics.py) of one split with a column corpus.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mgm.evaluation.bootstrap import Draws, bounds
from mgm.evaluation.metrics import labelled, statistics
from mgm.evaluation.numbers import rounded
from mgm.tasks import Task


@dataclass(frozen=True)
class Score:
    """A number of the whole split, and the same number in each resample (R,), nan where undefined."""

    value: float
    drawn: np.ndarray

    @property
    def defined(self) -> bool:
        return not math.isnan(self.value)

    @property
    def rounded(self) -> float | None:
        """As reports hold it; no value: null."""
        return rounded(self.value)

    def less(self, other: "Score") -> "Score":
        """The difference, draw by draw."""
        return Score(self.value - other.value, self.drawn - other.drawn)

    def gain_over(self, other: "Score") -> "Score":
        """(self - other) / |other|, draw by draw; undefined where the other is 0."""
        return Score(
            float(_relative(np.array(self.value), np.array(other.value))), _relative(self.drawn, other.drawn)
        )

    def entry(self, name: str) -> dict[str, Any]:
        """{name: value, low, high of its 95% interval, shown: what the interval says}; no value: null."""
        low, high = bounds(self.drawn)
        return {
            name: self.rounded,
            "low": rounded(low),
            "high": rounded(high),
            "shown": _shown(low, high),
        }


def mean(scores: Sequence[Score]) -> Score:
    """The mean of some tasks' numbers, draw by draw."""
    return Score(float(np.mean([s.value for s in scores])), np.mean([s.drawn for s in scores], axis=0))


def over_trainings(pairs: Sequence[tuple[Score, Score]], seed: int) -> tuple[Score, Score]:
    """The means of two models over trainings, each pair trained under one seed.

    In every resample of documents the trainings are resampled too, the same for both models. Of few trainings a resample
    shows too little spread: its distance from their mean is stretched by sqrt(n / (n - 1)), as for a variance.
    """
    count = len(pairs)
    sides = [tuple(pair[side] for pair in pairs) for side in (0, 1)]
    if count == 1:
        return pairs[0]
    drawn_SR = [np.stack([score.drawn for score in side]) for side in sides]
    resamples = drawn_SR[0].shape[1]
    picks_RS = np.random.default_rng([seed, count]).integers(count, size=(resamples, count))
    stretch = np.sqrt(count / (count - 1))
    found = []
    for side, drawn in zip(sides, drawn_SR, strict=True):
        every = drawn.mean(axis=0)
        some = drawn[picks_RS.T, np.arange(resamples)].mean(axis=0)
        found.append(Score(float(np.mean([s.value for s in side])), every + stretch * (some - every)))
    return found[0], found[1]


class JointScores:
    """The joint model's first metrics on a split, and those of other models on the very same documents.

    rows: task to its table; labels: training's label spaces.

    Raises:
        ValueError: a labelled row has no prediction.
    """

    def __init__(
        self, rows: Mapping[str, pl.DataFrame], labels: Mapping[str, Sequence[str]], resamples: int, seed: int
    ) -> None:
        places = pl.concat([frame.select("corpus", "group") for frame in rows.values()])
        groups = {str(c): frame["group"] for (c,), frame in places.group_by("corpus")}
        self.draws = Draws(groups, resamples, seed)
        self.rows, self.labels = rows, labels
        self._known: dict[str, Score] = {}

    def of(self, task: Task) -> Score:
        """The joint model's."""
        if task.name not in self._known:
            self._known[task.name] = self._score(_ordered(self.rows[task.name], task), task)
        return self._known[task.name]

    def other(self, rows: pl.DataFrame, task: Task, where: str) -> Score:
        """Another model's; `where` names its table in errors.

        Raises:
            ValueError: its labelled documents, their groups or their labels are not those of the joint model.
        """
        found, known = _ordered(rows, task), _ordered(self.rows[task.name], task)
        _check_pairs(known, found, task, where)
        return self._score(found, task)

    def _score(self, rows: pl.DataFrame, task: Task) -> Score:
        found = statistics(rows, task, self.labels.get(task.name, []))
        drawn = self.draws.metric(found, rows, task.first_metric)
        return Score(found.score()[task.first_metric], drawn)


def _ordered(rows: pl.DataFrame, task: Task) -> pl.DataFrame:
    return labelled(rows, task).sort("corpus", "doc_id")


def _check_pairs(known: pl.DataFrame, found: pl.DataFrame, task: Task, where: str) -> None:
    remedy = "the two are of different runs: run make study"
    keys = ["corpus", "doc_id"]
    for odd, what in (
        (known.join(found, on=keys, how="anti"), "lacks"),
        (found.join(known, on=keys, how="anti"), "adds"),
    ):
        if odd.height:
            corpus, doc_id = odd.select(keys).sort(keys).row(0)
            raise ValueError(
                f"{where}, task {task.name}: {what} {odd.height} labelled documents, first {doc_id!r} of {corpus}, "
                f"expected those of data/predictions; {remedy}"
            )
    for column in ("group", f"{task.name}_true"):
        if known[column].equals(found[column]):
            continue
        pairs = zip(known["doc_id"], known[column].to_list(), found[column].to_list(), strict=True)
        doc_id, mine, theirs = next(pair for pair in pairs if pair[1] != pair[2])
        raise ValueError(
            f"{where}, column {column}, doc_id {doc_id!r}: found {theirs!r}, expected {mine!r} as in "
            f"data/predictions; {remedy}"
        )


def _relative(value: np.ndarray, base: np.ndarray) -> np.ndarray:
    return np.divide(value - base, np.abs(base), out=np.full(np.shape(base), np.nan), where=base != 0)


def _shown(low: float, high: float) -> str:
    if math.isnan(low):
        return "no interval"
    return "better" if low > 0 else "worse" if high < 0 else "no difference shown"
