"""How often each corpus's batches come: in proportion to size^tau, size counted in batches.

tau 1: every row once an epoch. tau 0: every corpus equally often. The epoch's number of batches is the same
for every tau.
"""

from dataclasses import dataclass

import numpy as np

from mgm.training.batches import Step, one_pass
from mgm.training.sources import Source


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


def _corpora(sources: list[Source]) -> list[str]:
    return list(dict.fromkeys(s.corpus for s in sources))
