"""Candidate against champion: first metrics on the same test documents and in the same resamples.

The candidate need not be better: it is refused only where a task is shown to be worse.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from mgm.evaluation.multiple_testing import ALPHA, adjust_holm, p_value_below
from mgm.evaluation.paired_bootstrap import Estimate, PairedBootstrap
from mgm.evaluation.predictions import select_labelled
from mgm.evaluation.verdict import Check
from mgm.tasks import Task

KEYS = ["corpus", "doc_id"]


@dataclass(frozen=True, kw_only=True)
class ModelPredictions:
    """A model's predictions on the test split.

    Attributes:
        tasks: with the label spaces that the model was trained on.
        tables: of the candidate: its predictions by task, with the true labels and a column corpus; of the champion: its
            predictions of the same documents (corpus, doc_id, a column for each task), the same table for each task.
    """

    tasks: Sequence[Task]
    tables: Mapping[str, pl.DataFrame]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A task in which both models were measured.

    Attributes:
        task: with the labels of either model.
        candidate: the candidate's first metric.
        champion: the champion's first metric.
        n: the number of documents that both read.
        num_unread: the number of documents that the champion could not read.
        p_worse: the one-sided p-value of so low a difference where the candidate is no worse than the margin allows.
        p_better: the one-sided p-value of so high a difference where the candidate is no better.
    """

    task: Task
    candidate: Estimate
    champion: Estimate
    n: int
    num_unread: int
    p_worse: float
    p_better: float


def champion_checks(
    candidate: ModelPredictions,
    champion: ModelPredictions,
    *,
    resamples: int,
    seed: int,
    margin: float = 0.0,
) -> list[Check]:
    """Return a check for each task of either model.

    A task fails where (candidate - champion) is significantly below -margin, one-sided at 5% after Holm's correction over the
    tasks, so that a candidate that is no worse in any task is refused in at most 5% of cases. Where nothing can be resampled,
    a task fails where the difference itself is below -margin. A task that the champion lacks, or has as another kind, is new;
    one that the candidate lacks was switched off. Neither fails.

    A document that the champion could not read is left out for both. Both are scored over the labels that either was trained
    on, so that a class which one of them never saw counts as wrong for it.
    """
    before = {task.name: task for task in champion.tasks}
    shared = [
        _with_labels_of_both(task, before[task.name])
        for task in candidate.tasks
        if task.name in before and before[task.name].kind == task.kind
    ]
    comparisons = []
    if shared:
        pairs = {
            task.name: _paired_rows(candidate.tables[task.name], champion.tables[task.name], task=task)
            for task in shared
        }
        paired = PairedBootstrap(
            {name: mine for name, (mine, _) in pairs.items()}, resamples=resamples, seed=seed
        )
        for task in shared:
            num_unread = (
                select_labelled(candidate.tables[task.name], task).height - pairs[task.name][0].height
            )
            comparisons.append(
                _compare(paired, pairs[task.name][1], task=task, num_unread=num_unread, margin=margin)
            )
    adjusted = zip(
        adjust_holm([comparison.p_worse for comparison in comparisons]),
        adjust_holm([comparison.p_better for comparison in comparisons]),
        strict=True,
    )
    checks = [
        _check(comparison, p_worse=float(worse), p_better=float(better), num_tasks=len(shared), margin=margin)
        for comparison, (worse, better) in zip(comparisons, adjusted, strict=True)
    ]
    checks += _checks_of_unshared_tasks(
        candidate.tasks, champion.tasks, shared={task.name for task in shared}
    )
    return sorted(checks, key=lambda check: str(check.task))


def _with_labels_of_both(task: Task, champion: Task) -> Task:
    further = [label for label in champion.labels if label not in set(task.labels)]
    return task.model_copy(update={"labels": (*task.labels, *further)})


def _checks_of_unshared_tasks(
    tasks: Sequence[Task], champion_tasks: Sequence[Task], *, shared: set[str]
) -> list[Check]:
    names = {task.name for task in tasks}
    new = [task.name for task in tasks if task.name not in shared]
    lost = [task.name for task in champion_tasks if task.name not in names]
    whys = dict.fromkeys(new, "new, the champion has no such task")
    whys |= dict.fromkeys(lost, "a task of the champion that the candidate was not trained for")
    return [
        Check(check="champion", passed=True, why=f"{name}: {why}", task=name) for name, why in whys.items()
    ]


def _paired_rows(
    rows: pl.DataFrame, champion: pl.DataFrame, *, task: Task
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the candidate's rows that the champion read too, and the same rows with the champion's predictions."""
    mine = select_labelled(rows, task).join(champion.select(KEYS), on=KEYS, how="semi", maintain_order="left")
    prediction = task.columns.prediction
    theirs = mine.drop(prediction).join(
        champion.select(*KEYS, prediction), on=KEYS, how="left", maintain_order="left"
    )
    return mine, theirs


def _compare(
    paired: PairedBootstrap, champion_rows: pl.DataFrame, *, task: Task, num_unread: int, margin: float
) -> Comparison:
    candidate = paired.reference(task)
    champion = paired.other(champion_rows, task, where="the champion's predictions")
    difference = candidate.minus(champion)
    if not champion.is_defined:
        p_worse, p_better = 1.0, 1.0
    elif not candidate.is_defined:
        p_worse, p_better = 0.0, 1.0
    else:
        p_worse = p_value_below(difference.value, difference.resampled, bound=-margin)
        p_better = p_value_below(-difference.value, -difference.resampled)
    if math.isnan(p_worse):  # nothing to resample: the difference itself decides
        p_worse, p_better = float(difference.value >= -margin), 1.0
    return Comparison(
        task=task,
        candidate=candidate,
        champion=champion,
        n=champion_rows.height,
        num_unread=num_unread,
        p_worse=p_worse,
        p_better=p_better,
    )


def _check(
    comparison: Comparison, *, p_worse: float, p_better: float, num_tasks: int, margin: float
) -> Check:
    """Return the check of a comparison; the p-values are adjusted over `num_tasks` tasks."""
    task, candidate, champion = comparison.task, comparison.candidate, comparison.champion
    entry = candidate.minus(champion).entry("difference")
    low, high = entry["low"], entry["high"]
    passed = p_worse > ALPHA
    shown: Literal["better", "worse", "no difference shown"] = "worse"
    if passed:
        shown = "better" if p_better <= ALPHA else "no difference shown"
    interval = "no interval" if high is None else f"[{low:+.4f}, {high:+.4f}]"
    relation = "not shown to be worse than" if passed else "worse than"
    why = (
        f"{task.name}: test {task.first_metric} {_in_words(candidate.value)} is {relation} the champion's "
        f"{_in_words(champion.value)} (difference {interval}, p {p_worse:.3f} of {num_tasks} tasks, margin {margin:g})"
    )
    if comparison.num_unread:
        why += f"; {comparison.num_unread} documents that the champion cannot read are left out"
    return Check(
        check="champion",
        passed=passed,
        why=why,
        task=task.name,
        metric=task.first_metric,
        value=candidate.rounded,
        limit=champion.rounded,
        difference=entry["difference"],
        low=low,
        high=high,
        n=comparison.n,
        p=round(p_worse, 4),
        shown=shown,
    )


def _in_words(value: float) -> str:
    return "(no value)" if math.isnan(value) else f"{value:.4f}"
