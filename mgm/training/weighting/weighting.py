"""The gradients of one step from one loss a task: the weighted sum, which other weightings extend."""

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from mgm.model.network import Network


class Weighting(nn.Module):
    """The weighted sum of the losses of a batch's tasks; a task without a weight counts 1."""

    sums_losses = True
    """Whether `backward` computes the gradients of one sum of the losses, once."""
    needs_losses_after_step = False
    """Whether `after_step` is called with the losses of the same batch after the step."""

    def __init__(self, tasks: list[str], weights: Mapping[str, float] | None = None) -> None:
        """Make the weighting of these tasks; `weights`: task to the factor of its loss."""
        super().__init__()
        weights = weights or {}
        self.weights = {task: weights.get(task, 1.0) for task in tasks}

    def begin_epoch(self) -> None:
        """Reset the state that is not part of `state_dict`; called before each epoch."""

    def backward(self, losses: Mapping[str, Tensor], *, network: Network) -> None:
        """Compute the gradients of the parameters of `network`, by the loss, a scalar, of each task."""
        self(losses).backward()

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum, a scalar."""
        return total(self.weights[task] * self.term(task, loss) for task, loss in losses.items())

    def term(self, task: str, loss: Tensor) -> Tensor:
        """Return a task's term of the sum, before its weight."""
        return loss

    def after_step(self, losses: Mapping[str, Tensor]) -> None:
        """Learn from the losses of the same batch after the step, if the weighting needs them."""

    def learnable_parameters(self) -> list[nn.Parameter]:
        """Return the weighting's parameters that the network's optimizer learns."""
        return list(self.parameters())

    def factors(self) -> dict[str, float]:
        """Return the present factor of each task's loss."""
        return dict(self.weights)


class DynamicWeighting(Weighting):
    """A weighting whose factors differ from batch to batch; `factors` returns their mean since its last call."""

    def __init__(self, tasks: list[str], weights: Mapping[str, float] | None = None) -> None:
        """Make the weighting of these tasks; `weights`: task to the factor of its loss."""
        super().__init__(tasks, weights)
        self._sums: dict[str, Tensor | float] = {}
        self._counts: dict[str, int] = {}

    def begin_epoch(self) -> None:
        """Forget the factors of the epoch before."""
        self._sums, self._counts = {}, {}

    def record_factors(self, factors: Mapping[str, Tensor | float]) -> None:
        """Add the factors of a batch's losses to the mean."""
        for task, factor in factors.items():
            self._sums[task] = self._sums.get(task, 0.0) + factor
            self._counts[task] = self._counts.get(task, 0) + 1

    def factors(self) -> dict[str, float]:
        """Return the mean factor of each task's loss since the last call."""
        means = {task: float(total) / self._counts[task] for task, total in self._sums.items()}
        self._sums, self._counts = {}, {}
        return self.weights | means


def total(terms: Iterable[Tensor]) -> Tensor:
    """Return the sum of at least one tensor."""
    first, *others = terms
    return sum(others, start=first)
