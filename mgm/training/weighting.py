"""From one loss a task to the loss that is minimised."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor


class Weighting(Protocol):
    """What turns the losses of a batch's tasks into one."""

    def __call__(self, losses: Mapping[str, Tensor]) -> Tensor: ...


@dataclass(frozen=True)
class StaticWeights:
    """The weighted sum of the losses; a task without a weight counts 1."""

    weights: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, losses: Mapping[str, Tensor]) -> Tensor:
        terms = [loss * self.weights.get(task, 1.0) for task, loss in losses.items()]
        return sum(terms[1:], start=terms[0])
