"""Task uncertainty: a learned variance a task."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mgm.training.weighting.weighting import Weighting


class UncertaintyWeighting(Weighting):
    """Each loss is divided by a learned variance of its task, plus a penalty: w (L/v + log(1 + v)).

    v = exp(s) with one parameter s a task, at first 0. For a fixed loss v converges to L/v = v/(1 + v): a task with a large loss
    counts less. The penalty is that of Liebel and Koerner 2018 (arXiv:1805.06334), not the log v/2 of Kendall et al. 2018
    (arXiv:1705.07115): it keeps the sum positive, and a task whose loss approaches 0 from dominating all others. A weight w of the
    settings multiplies the whole term, since v would learn to undo a weight of the loss alone.
    """

    def __init__(self, tasks: list[str], weights: Mapping[str, float] | None = None) -> None:
        """Make the weighting of these tasks; `weights`: task to the factor of its loss."""
        super().__init__(tasks, weights)
        self.tasks = tasks
        # a scalar a task, so that the optimizer does not move those without a loss in a batch
        self.log_variance = nn.ParameterList(nn.Parameter(torch.zeros(())) for _ in tasks)

    def term(self, task: str, loss: Tensor) -> Tensor:
        """Return the loss over the variance, plus the penalty."""
        log_variance = self.log_variance[self.tasks.index(task)]
        return (-log_variance).exp() * loss + nn.functional.softplus(log_variance)

    def factors(self) -> dict[str, float]:
        """Return the weight over the variance of each task."""
        learned = torch.stack(list(self.log_variance)).detach().neg().exp().tolist()
        return {task: self.weights[task] * factor for task, factor in zip(self.tasks, learned, strict=True)}
