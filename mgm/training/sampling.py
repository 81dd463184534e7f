"""Sampling of corpora: the frequency of each corpus's batches, in proportion to size^tau, with the size counted in batches.

tau 1: every row once an epoch. tau 0: every corpus equally often. The epoch's number of batches is the same for every tau.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mgm.tasks import Task
from mgm.training.batches import PlannedBatch, shuffled_batches
from mgm.training.data import PartRows


@dataclass(frozen=True, kw_only=True)
class EpochPlan:
    """The batches of one epoch in order, and the number of passes over the rows of each corpus."""

    batches: list[PlannedBatch]
    passes: dict[str, float]


def plan_epoch(
    sources: Sequence[PartRows],
    *,
    tokens_per_batch: int,
    tau: float,
    seed: int,
    epoch: int,
    max_bytes: int | None = None,
) -> EpochPlan:
    """Return the batches of an epoch: a function of the arguments alone, so that a resumed run sees the same.

    Args:
        sources: the training rows.
        tokens_per_batch: words of a batch.
        tau: the exponent of the sizes.
        seed: decides the order, with the epoch.
        epoch: the number of the epoch.
        max_bytes: of parts with more bytes together, groups with at most so many are read one after another, and each group is
            shuffled; None: all parts are one group.
    """
    corpora = list(dict.fromkeys(s.corpus for s in sources))
    numbers = {corpus: [i for i, s in enumerate(sources) if s.corpus == corpus] for corpus in corpora}

    def one_pass(corpus: str, number: int) -> list[PlannedBatch]:
        key = [seed, epoch, corpora.index(corpus), number]
        return shuffled_batches(sources, numbers[corpus], tokens_per_batch=tokens_per_batch, seed=key)

    first = {corpus: one_pass(corpus, 0) for corpus in corpora}
    size = np.array([len(batches) for batches in first.values()], np.float64)
    share = size**tau / (size**tau).sum()
    planned, passes = [], {}
    for index, (corpus, batches) in enumerate(first.items()):
        num_batches = max(round(size.sum() * share[index]), 1)
        drawn, num_passes = list(batches), 1
        while len(drawn) < num_batches:
            drawn += one_pass(corpus, num_passes)
            num_passes += 1
        planned += drawn[:num_batches]
        passes[corpus] = num_batches / len(batches)
    rng = np.random.default_rng([seed, epoch])
    batches = [planned[i] for i in rng.permutation(len(planned))]
    num_bytes = sum(source.num_bytes for source in sources)
    if max_bytes is not None and num_bytes > max_bytes:
        batches = _group_parts(batches, sources, num_groups=-(-num_bytes // max_bytes), rng=rng)
    return EpochPlan(batches=batches, passes=passes)


def _group_parts(
    batches: Sequence[PlannedBatch],
    sources: Sequence[PartRows],
    *,
    num_groups: int,
    rng: np.random.Generator,
) -> list[PlannedBatch]:
    """Return the batches in another order: the parts of each corpus are dealt to the groups, and one group follows the other.

    Every group has its share of each corpus. Of a corpus with fewer parts than groups every group reads all parts.
    """
    corpora = [source.corpus for source in sources]
    group_of_part: dict[int, int] = {}
    for corpus in dict.fromkeys(corpora):
        numbers = [i for i, other in enumerate(corpora) if other == corpus]
        if len(numbers) >= num_groups:
            dealt = rng.permutation(len(numbers)) * num_groups // len(numbers)
            group_of_part |= dict(zip(numbers, dealt.tolist(), strict=True))
    group = [
        group_of_part.get(planned.source, place * num_groups // len(batches))
        for place, planned in enumerate(batches)
    ]
    return [batches[i] for i in np.argsort(group, kind="stable")]


def task_passes(plan: EpochPlan, sources: Sequence[PartRows], *, tasks: Sequence[Task]) -> dict[str, float]:
    """Return the number of passes over its labelled rows that each task gets in an epoch."""
    drawn: dict[int, list[np.ndarray]] = {}
    for planned in plan.batches:
        drawn.setdefault(planned.source, []).append(planned.rows)
    num_drawn: dict[str, int] = {}
    num_labelled: dict[str, int] = {}
    for number, source in enumerate(sources):
        rows = np.concatenate([np.zeros(0, np.int64), *drawn.get(number, [])])
        for task in source.labelled_tasks(tasks):
            is_labelled = source.part.documents[task.columns.label_ids].is_not_null().to_numpy()
            num_drawn[task.name] = num_drawn.get(task.name, 0) + int(is_labelled[rows].sum())
            num_labelled[task.name] = num_labelled.get(task.name, 0) + int(is_labelled[source.rows].sum())
    return {task: num_drawn[task] / count for task, count in sorted(num_labelled.items()) if count}
