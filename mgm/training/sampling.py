"""Sampling of corpora: the frequency of each corpus's batches, in proportion to size^tau, with the size counted in batches.

tau 1: every row once an epoch. tau 0: every corpus equally often. The epoch's number of batches is the same for every tau.

Batches are gathered from parts on disk when their turn comes: of each row its number and its length are in memory (16 bytes), and its
place in the epoch (8). An epoch is one shuffle of all batches while the parts fit into memory together. Beyond that the parts are
shuffled, and then the batches of as many parts as fit (Xu et al. 2022, Stochastic Gradient Descent without Full Data Shuffle,
arXiv:2206.05830).

Several processes plan their own rows, but the same number of steps, and the same corpus for each step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mgm.tasks import Task
from mgm.training.batches import PlannedBatch, shuffled_batches, split_batches
from mgm.training.data import PartRows
from mgm.training.distributed import ALONE, DistributedContext


@dataclass(frozen=True, kw_only=True)
class EpochPlan:
    """The batches of one epoch in order, and the number of passes over the rows of each corpus."""

    batches: list[PlannedBatch]
    passes: dict[str, float]


def plan_epoch(  # noqa: PLR0913  (options by name, with defaults)
    sources: Sequence[PartRows],
    *,
    tokens_per_batch: int,
    tau: float,
    seed: int,
    epoch: int,
    max_bytes: int | None = None,
    processes: DistributedContext = ALONE,
) -> EpochPlan:
    """Return the batches of an epoch: a function of the arguments alone, so that a resumed run sees the same.

    Args:
        sources: the training rows of this process.
        tokens_per_batch: words of a batch of all processes together.
        tau: the exponent of the sizes.
        seed: decides the order, with the epoch.
        epoch: the number of the epoch.
        max_bytes: of parts with more bytes together, groups with at most so many are read one after another, and each group is
            shuffled; None: all parts are one group.
        processes: those that train together; each has rows of the same corpora.
    """
    corpora = list(dict.fromkeys(s.corpus for s in sources))
    numbers = {corpus: [i for i, s in enumerate(sources) if s.corpus == corpus] for corpus in corpora}

    def one_pass(corpus: str, number: int) -> list[PlannedBatch]:
        batches = shuffled_batches(
            sources,
            numbers[corpus],
            tokens_per_batch=-(-tokens_per_batch // processes.world_size),
            seed=[seed, epoch, corpora.index(corpus), number, *processes.seed_suffix],
        )
        return split_batches(batches, processes.max_over_processes(len(batches)))

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

    The corpus of each step stays. Of a corpus with fewer parts than groups every group reads all parts.
    """
    corpora = [source.corpus for source in sources]
    grouped = list(batches)
    for corpus in dict.fromkeys(corpora):
        numbers = [i for i, other in enumerate(corpora) if other == corpus]
        if len(numbers) >= num_groups:
            dealt = rng.permutation(len(numbers)) * num_groups // len(numbers)
            group = dict(zip(numbers, dealt.tolist(), strict=True))
            steps = [i for i, planned in enumerate(batches) if corpora[planned.source] == corpus]
            by_group = sorted(steps, key=lambda i: group[batches[i].source])
            for step, i in zip(steps, by_group, strict=True):
                grouped[step] = batches[i]
    return grouped


def task_passes(
    plan: EpochPlan,
    sources: Sequence[PartRows],
    *,
    tasks: Sequence[Task],
    processes: DistributedContext = ALONE,
) -> dict[str, float]:
    """Return the number of passes over its labelled rows that each task gets in an epoch, over those of all processes."""
    drawn: dict[int, list[np.ndarray]] = {}
    for planned in plan.batches:
        if not planned.is_repeated:
            drawn.setdefault(planned.source, []).append(planned.rows)
    num_drawn = {task.name: 0 for task in tasks}
    num_labelled = {task.name: 0 for task in tasks}
    for number, source in enumerate(sources):
        rows = np.concatenate([np.zeros(0, np.int64), *drawn.get(number, [])])
        for task in source.labelled_tasks(tasks):
            is_labelled = source.part.documents[task.columns.label_ids].is_not_null().to_numpy()
            num_drawn[task.name] += int(is_labelled[rows].sum())
            num_labelled[task.name] += int(is_labelled[source.rows].sum())
    sums = processes.sum_over_processes(*num_drawn.values(), *num_labelled.values())
    passes = zip(num_drawn, sums, sums[len(num_drawn) :], strict=False)
    return {task: of_task / count for task, of_task, count in sorted(passes) if count}
