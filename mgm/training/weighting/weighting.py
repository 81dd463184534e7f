"""From one loss a task to the gradients of one step: the sum with set factors, which the other weightings extend."""

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from mgm.model.network import Network


class Weighting(nn.Module):
    """The weighted sum of the losses of a batch's tasks; a task without a weight counts 1."""

    looks_back = False
    """Whether it wants the losses of the same batch once more after the step (`look_back`)."""

    def __init__(self, tasks: list[str], weights: Mapping[str, float] | None = None) -> None:
        super().__init__()
        given = weights or {}
        self.weights = {task: given.get(task, 1.0) for task in tasks}

    def begin_epoch(self) -> None:
        """Called before each epoch. What is not part of `state_dict` begins anew here."""

    def backward(self, deep: Mapping[str, Tensor], wide: Mapping[str, Tensor], network: Network) -> None:
        """Gives the parameters of `network` the gradients of these losses, a scalar a task.

        Only the losses of the deep part are weighed. Tasks share nothing of the wide part (of tagging), where a factor would
        be no more than another learning rate: its losses are summed as they are.
        """
        total([self(deep), *wide.values()]).backward()

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """A scalar."""
        return total(self.weights[task] * self.term(task, loss) for task, loss in losses.items())

    def term(self, task: str, loss: Tensor) -> Tensor:
        """A task's share of the sum, before its weight."""
        return loss

    def look_back(self, deep: Mapping[str, Tensor]) -> None:
        """Is told the losses of the same batch after the step, where it `looks_back`."""

    def descended(self) -> list[nn.Parameter]:
        """Its parameters that the network's optimizer learns."""
        return list(self.parameters())

    def factors(self) -> dict[str, float]:
        """What each task's loss is multiplied with at present."""
        return dict(self.weights)


class DynamicWeighting(Weighting):
    """A weighting whose factors differ from batch to batch: `factors` tells their mean since it was asked last."""

    def __init__(self, tasks: list[str], weights: Mapping[str, float] | None = None) -> None:
        super().__init__(tasks, weights)
        self._sums: dict[str, Tensor | float] = {}
        self._counts: dict[str, int] = {}

    def begin_epoch(self) -> None:
        self._sums, self._counts = {}, {}

    def note(self, factors: Mapping[str, Tensor | float]) -> None:
        """Takes down what the losses of a batch were multiplied with."""
        for task, factor in factors.items():
            self._sums[task] = self._sums.get(task, 0.0) + factor
            self._counts[task] = self._counts.get(task, 0) + 1

    def factors(self) -> dict[str, float]:
        means = {task: float(found) / self._counts[task] for task, found in self._sums.items()}
        self._sums, self._counts = {}, {}
        return self.weights | means


def total(terms: Iterable[Tensor]) -> Tensor:
    """The sum of at least one."""
    first, *others = terms
    return sum(others, start=first)
