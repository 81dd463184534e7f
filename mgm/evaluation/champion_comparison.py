"""Candidate against champion: first metrics on the same test documents and in the same resamples (gain.py). The champion
stands unless a task is shown to be worse; it is not asked that one be better."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from mgm.evaluation.metrics import labelled
from mgm.evaluation.multiple_testing import ALPHA, holm, p_below
from mgm.evaluation.paired_scores import JointScores, Score
from mgm.evaluation.verdict import Check
from mgm.tasks import Task

KEYS = ["corpus", "doc_id"]


def champion_checks(
    rows: Mapping[str, pl.DataFrame],
    champion: pl.DataFrame,
    tasks: Sequence[Task],
    champion_tasks: Sequence[Task],
    labels: Mapping[str, Sequence[str]],
    champion_labels: Mapping[str, Sequence[str]],
    resamples: int,
    seed: int,
    margin: float = 0.0,
) -> list[Check]:
    """One check for each task of either model.

    A task fails where (candidate - champion) is significantly below -margin, one-sided at 5% after Holm's correction over
    the tasks, so that a candidate that is no worse in any is refused in at most 5% of cases; where nothing can be resampled,
    where the difference itself is below. A task that the champion lacks, or has as another kind, is new; one that the
    candidate lacks was switched off. Neither fails.

    rows: task to the candidate's predictions on the test split, with the true labels and a column corpus; champion:
    the champion's of the same documents (corpus, doc_id, a column for each task). A document that the champion
    could not read is left out for both. Both are scored over the labels that either was trained on, so that a class
    which one of them never saw counts as wrong for it.
    """
    theirs = {task.name: task for task in champion_tasks}
    shared = [task for task in tasks if task.name in theirs and theirs[task.name].kind == task.kind]
    both = {task.name: _both(labelled(rows[task.name], task), champion, task) for task in shared}
    spaces = {task.name: _union(labels, champion_labels, task) for task in shared}
    compared = []
    if shared:
        mine = {name: pair[0] for name, pair in both.items()}
        scores = JointScores(mine, spaces, resamples, seed)
        for task in shared:
            unread = labelled(rows[task.name], task).height - mine[task.name].height
            compared.append(_compare(scores, both[task.name][1], task, unread, margin))
    worse = holm([duel.p_worse for duel in compared])
    better = holm([duel.p_better for duel in compared])
    checks = [
        _check(duel, float(p), float(q), len(compared), margin)
        for duel, p, q in zip(compared, worse, better, strict=True)
    ]
    names = {task.name for task in tasks}
    new = [task.name for task in tasks if task not in shared]
    lost = [name for name in theirs if name not in names]
    checks += [Check("champion", True, f"{name}: new, the champion has no such task", name) for name in new]
    checks += [
        Check("champion", True, f"{name}: a task of the champion that the candidate was not asked for", name)
        for name in lost
    ]
    return sorted(checks, key=lambda check: str(check.task))


def _both(rows: pl.DataFrame, champion: pl.DataFrame, task: Task) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The candidate's rows that the champion read too, and the same rows with the champion's predictions."""
    mine = rows.join(champion.select(KEYS), on=KEYS, how="semi", maintain_order="left")
    theirs = mine.drop(task.name).join(
        champion.select(*KEYS, task.name), on=KEYS, how="left", maintain_order="left"
    )
    return mine, theirs


def _union(
    labels: Mapping[str, Sequence[str]], champion_labels: Mapping[str, Sequence[str]], task: Task
) -> list[str]:
    mine = labels.get(task.name, [])
    return [*mine, *(label for label in champion_labels.get(task.name, []) if label not in set(mine))]


@dataclass(frozen=True)
class Comparison:
    """A task in which both models were measured. p_worse: how likely so low a difference is where the candidate is no worse
    than the margin allows; p_better: so high a one where it is no better. One-sided, of this task alone."""

    task: Task
    candidate: Score
    champion: Score
    n: int
    unread: int
    p_worse: float
    p_better: float


def _compare(scores: JointScores, theirs: pl.DataFrame, task: Task, unread: int, margin: float) -> Comparison:
    candidate, champion = scores.of(task), scores.other(theirs, task, "the champion's predictions")
    difference = candidate.less(champion)
    if not champion.defined:
        worse, better = 1.0, 1.0
    elif not candidate.defined:
        worse, better = 0.0, 1.0
    else:
        worse = p_below(difference.value, difference.drawn, -margin)
        better = p_below(-difference.value, -difference.drawn)
    if math.isnan(worse):  # nothing to resample: the difference itself decides
        worse, better = float(difference.value >= -margin), 1.0
    return Comparison(task, candidate, champion, theirs.height, unread, worse, better)


def _check(duel: Comparison, worse: float, better: float, tasks: int, margin: float) -> Check:
    """worse, better: the p-values adjusted over `tasks` tasks."""
    task, candidate, champion = duel.task, duel.candidate, duel.champion
    entry = candidate.less(champion).entry("difference")
    low, high = entry["low"], entry["high"]
    passed = worse > ALPHA
    interval = "no interval" if high is None else f"[{low:+.4f}, {high:+.4f}]"
    said = "not shown to be worse than" if passed else "worse than"
    left_out = f"; {duel.unread} documents that the champion cannot read are left out" if duel.unread else ""
    why = (
        f"{task.name}: test {task.first_metric} {_show(candidate.value)} is {said} the champion's "
        f"{_show(champion.value)} (difference {interval}, p {worse:.3f} of {tasks} tasks, margin {margin:g}){left_out}"
    )
    return Check(
        "champion",
        passed,
        why,
        task.name,
        task.first_metric,
        candidate.rounded,
        champion.rounded,
        entry["difference"],
        low,
        high,
        duel.n,
        round(worse, 4),
        "worse" if not passed else "better" if better <= ALPHA else "no difference shown",
    )


def _show(value: float) -> str:
    return "(no value)" if math.isnan(value) else f"{value:.4f}"
