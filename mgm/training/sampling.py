"""How often each corpus's batches come: in proportion to size^tau, size counted in batches.

tau 1: every row once an epoch. tau 0: every corpus equally often. The epoch's number of batches is the same
for every tau.
"""

from dataclasses import dataclass

import numpy as np

from mgm.tasks import Task
from mgm.training.batches import Step, one_pass
from mgm.training.labelled_rows import Source


@dataclass(frozen=True)
class EpochPlan:
    """The batches of one epoch in order, and how many passes over its rows each corpus gets."""

    steps: list[Step]
    passes: dict[str, float]


def plan_epoch(sources: list[Source], tokens_per_batch: int, tau: float, seed: int, epoch: int) -> EpochPlan:
    """The batches of an epoch; a function of its arguments alone, so that a resumed run sees the same."""
    numbers = {
        corpus: [i for i, s in enumerate(sources) if s.corpus == corpus] for corpus in _corpora(sources)
    }
    first = {
        corpus: one_pass(sources, own, tokens_per_batch, [seed, epoch, c, 0])
        for c, (corpus, own) in enumerate(numbers.items())
    }
    size = np.array([len(steps) for steps in first.values()], np.float64)
    share = size**tau / (size**tau).sum()
    steps, passes = [], {}
    for c, (corpus, batches) in enumerate(first.items()):
        wanted = max(round(size.sum() * share[c]), 1)
        drawn, again = list(batches), 0
        while len(drawn) < wanted:
            again += 1
            drawn += one_pass(sources, numbers[corpus], tokens_per_batch, [seed, epoch, c, again])
        steps += drawn[:wanted]
        passes[corpus] = wanted / len(batches)
    order = np.random.default_rng([seed, epoch]).permutation(len(steps))
    return EpochPlan([steps[i] for i in order], passes)


def task_passes(plan: EpochPlan, sources: list[Source], tasks: list[Task]) -> dict[str, float]:
    """How many passes over its labelled rows each task gets in an epoch."""
    drawn: dict[int, list[np.ndarray]] = {}
    for step in plan.steps:
        drawn.setdefault(step.source, []).append(step.rows)
    seen: dict[str, int] = {}
    labelled: dict[str, int] = {}
    for number, source in enumerate(sources):
        rows = np.concatenate([np.zeros(0, np.int64), *drawn.get(number, [])])
        for task in source.tasks_of(tasks):
            has = source.part.documents[task.encoded].is_not_null().to_numpy()
            seen[task.name] = seen.get(task.name, 0) + int(has[rows].sum())
            labelled[task.name] = labelled.get(task.name, 0) + int(has[source.rows].sum())
    return {task: seen[task] / count for task, count in sorted(labelled.items()) if count}


def _corpora(sources: list[Source]) -> list[str]:
    return list(dict.fromkeys(s.corpus for s in sources))
