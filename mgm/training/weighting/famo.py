"""Fast adaptive multi-task optimisation: every task's loss shall fall at the same rate.

Axes: M tasks of a batch.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mgm.training.weighting.weighting import DynamicWeighting, total

RATE, DECAY = 0.025, 0.001
"""Of the logits' Adam: those of the paper."""
_LEAST = 1e-8


class FamoWeighting(DynamicWeighting):
    """Descends the sum of z_i log(L_i), with z the softmax of logits that rise for tasks whose loss fell less than others'.

    The gradient is scaled so that the factors of a batch have the mean 1. How much a loss fell is measured on the same
    batch with the same dropout after the step, which costs one more forward pass of the deep part. A batch knows only its own tasks:
    the softmax is over them, and only their logits move. A set weight multiplies a task's z: how much it matters; a
    loss's scale plays no part. Source: Liu et al. 2023, arXiv:2306.03792 (FAMO).
    """

    looks_back = True

    def __init__(self, tasks: list[str], weights: Mapping[str, float] | None = None) -> None:
        super().__init__(tasks, weights)
        # a scalar a task, as Adam leaves alone what has no gradient; on the CPU, where they are drawn together anyway
        self.logits = {task: torch.zeros(()) for task in tasks}
        self.adam = torch.optim.Adam(self.logits.values(), lr=RATE, weight_decay=DECAY)
        self._before: dict[str, Tensor] = {}

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        self._before = {task: loss.detach() for task, loss in losses.items()}
        over_loss_M = self.shares(list(losses)).to(next(iter(losses.values())).device) / self._floored()
        factors_M = len(losses) * over_loss_M / over_loss_M.sum()
        factors = dict(zip(losses, factors_M, strict=True))
        self.note(factors)
        return total(factors[task] * loss for task, loss in losses.items())

    def shares(self, tasks: list[str]) -> Tensor:
        """(M,) z, which sums to 1."""
        logits_M = torch.stack([self.logits[task] for task in tasks])
        return (logits_M + torch.tensor([self.weights[task] for task in tasks]).log()).softmax(0)

    def look_back(self, deep: Mapping[str, Tensor]) -> None:
        """`deep`: the losses of the batch of the last `forward`, of the same tasks."""
        before_M = self._floored()
        self._before = {task: deep[task].detach() for task in self._before}
        fell_M = (before_M.log() - self._floored().log()).cpu()
        share_M = self.shares(list(self._before))
        gradient_M = share_M * (fell_M - (share_M * fell_M).sum())  # of z in the direction of what fell
        for task, gradient in zip(self._before, gradient_M, strict=True):
            self.logits[task].grad = gradient
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)

    def _floored(self) -> Tensor:
        """(M,)"""
        return torch.stack(list(self._before.values())).clamp(min=_LEAST)

    def descended(self) -> list[nn.Parameter]:
        return []

    def get_extra_state(self) -> dict[str, Any]:
        """What `state_dict` holds of it."""
        return {"logits": dict(self.logits), "adam": self.adam.state_dict()}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        for task, logit in self.logits.items():
            logit.copy_(state["logits"][task])
        self.adam.load_state_dict(state["adam"])
