"""Fast adaptive multi-task optimisation: the losses of all tasks are made to fall at the same rate.

Axes: M tasks of a batch.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mgm.training.weighting.weighting import DynamicWeighting, total

RATE, DECAY = 0.025, 0.001
"""The learning rate and weight decay of the logits' Adam, as in the paper."""
MIN_LOSS = 1e-8
"""Lower losses count as this, so that their logarithm is finite."""


class FamoWeighting(DynamicWeighting):
    """Minimise the sum of z_i log(L_i), where z is the softmax of logits that rise for tasks whose loss fell less than others'.

    The gradient is scaled so that the factors of a batch have the mean 1. The fall of a loss is measured on the same batch with the
    same dropout after the step, which costs one more forward pass of the deep branch. The softmax is over the tasks of the batch,
    and only their logits change. A weight of the settings multiplies a task's z; the scale of its loss has no influence.
    Source: Liu et al. 2023, arXiv:2306.03792 (FAMO).
    """

    needs_losses_after_step = True

    def __init__(self, tasks: list[str], weights: Mapping[str, float] | None = None) -> None:
        """Make the weighting of these tasks; `weights`: task to the factor of its loss."""
        super().__init__(tasks, weights)
        # a scalar a task, since Adam does not move those without a gradient; on the CPU, where `after_step` needs them
        self.logits = {task: torch.zeros(()) for task in tasks}
        self.adam = torch.optim.Adam(self.logits.values(), lr=RATE, weight_decay=DECAY)
        self._before: dict[str, Tensor] = {}

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Return the sum, a scalar, weighted by the present factors."""
        self._before = {task: loss.detach() for task, loss in losses.items()}
        over_loss_M = self.shares(list(losses)).to(next(iter(losses.values())).device) / self._floored()
        factors_M = len(losses) * over_loss_M / over_loss_M.sum()
        factors = dict(zip(losses, factors_M, strict=True))
        self.record_factors(factors)
        return total(factors[task] * loss for task, loss in losses.items())

    def shares(self, tasks: list[str]) -> Tensor:
        """Return z (M,), which sums to 1."""
        logits_M = torch.stack([self.logits[task] for task in tasks])
        return (logits_M + torch.tensor([self.weights[task] for task in tasks]).log()).softmax(0)

    def after_step(self, deep: Mapping[str, Tensor]) -> None:
        """Update the logits by the losses of the tasks of the last `forward` after the step."""
        before_M = self._floored()
        self._before = {task: deep[task].detach() for task in self._before}
        fell_M = (before_M.log() - self._floored().log()).cpu()
        share_M = self.shares(list(self._before))
        gradient_M = share_M * (
            fell_M - (share_M * fell_M).sum()
        )  # the product of the softmax's Jacobian with the falls
        for task, gradient in zip(self._before, gradient_M, strict=True):
            self.logits[task].grad = gradient
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)

    def _floored(self) -> Tensor:
        """Return the losses (M,), at least MIN_LOSS."""
        return torch.stack(list(self._before.values())).clamp(min=MIN_LOSS)

    def learnable_parameters(self) -> list[nn.Parameter]:
        """Return none: the logits have a separate optimizer."""
        return []

    def get_extra_state(self) -> dict[str, Any]:
        """Return the logits and their optimizer's state, for `state_dict`."""
        return {"logits": dict(self.logits), "adam": self.adam.state_dict()}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore the logits and their optimizer's state."""
        for task, logit in self.logits.items():
            logit.copy_(state["logits"][task])
        self.adam.load_state_dict(state["adam"])
