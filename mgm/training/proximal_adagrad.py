"""Descent of a table of sparse features with an L1 penalty, which keeps most of its weights at 0.

Source: Duchi, Hazan and Singer 2011, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization" (the
composite mirror descent update of section 5). A weight whose feature is not in a batch stands still, and what the penalty
takes from it in an epoch is taken where the feature is met.

Axes: R features, T outputs.
"""

from typing import Any

import torch
from torch import Tensor

from mgm.settings.model import WideTaggingSettings

_LEAST = 1e-10


class ProximalAdagrad:
    """`weight` (R,T), with sparse gradients; `widths`: how many of the outputs are each task's.

    batches: (R,) how many batches of an epoch hold each feature; 0 of one that is never trained.
    """

    def __init__(
        self, weight: Tensor, batches: Tensor, widths: dict[str, int], settings: WideTaggingSettings
    ) -> None:
        self.weight, self.batches, self.widths = weight, batches, widths
        self.learning_rate, self.l1 = settings.learning_rate, settings.l1
        self.squares = torch.full_like(weight, _LEAST, requires_grad=False)

    @torch.no_grad()
    def step(self, share: float, labelled: dict[str, int]) -> None:
        """One step at this share of the learning rate down the gradient of losses that are means over each task's
        `labelled` words. The outputs of a task without any stand still."""
        if self.weight.grad is None:
            return
        count = torch.tensor([labelled.get(task, 0) for task in self.widths])
        labelled_T = count.repeat_interleave(torch.tensor(list(self.widths.values()))).to(self.weight.device)
        gradient = self.weight.grad.coalesce()
        row, slope = gradient.indices()[0], gradient.values()
        squares = self.squares[row] + slope.square()
        rate = self.learning_rate * share / squares.sqrt()
        shrink = rate * (self.l1 / self.batches[row].clamp(min=1))[:, None] / labelled_T.clamp(min=1)
        before = self.weight[row]
        moved = before - rate * slope
        moved = moved.sign() * (moved.abs() - shrink).clamp(min=0)
        self.squares[row] = squares
        self.weight[row] = torch.where(labelled_T > 0, moved, before)
        self.weight.grad = None

    def state_dict(self) -> dict[str, Any]:
        return {"squares": self.squares}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.squares.copy_(state["squares"])
