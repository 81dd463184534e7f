"""An exponential moving average of the weights: smoother than the last step's, at the price of one more copy.

Source: Izmailov et al. 2018 (averaging weights), with the warm-up of the decay of TensorFlow's ExponentialMovingAverage.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def decay_of_step(decay: float, step: int) -> float:
    """Return the decay of a step, from 1 on: at most (1 + step) / (10 + step)."""
    return min(decay, (1 + step) / (10 + step))


def ema_with_warmup(decay: float) -> Callable[[Any, Any, Tensor | int], None]:
    """Return an averaging function for AveragedModel with the decays of `decay_of_step`."""

    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], num_averaged: Tensor | int) -> None:  # noqa: PLR0917  (called by torch)
        torch._foreach_lerp_(averaged, current, 1 - decay_of_step(decay, int(num_averaged)))

    return update


class MovingAverage:
    """The average of parameters over their past steps; `decay` is the share of the past, 0 for no averaging."""

    def __init__(self, parameters: Sequence[nn.Parameter], decay: float) -> None:
        """Start with the present weights."""
        self.current = nn.ParameterList(parameters)
        self.averaged = AveragedModel(self.current, multi_avg_fn=ema_with_warmup(decay))
        self.averaged.n_averaged.fill_(1)  # so that the first step is averaged with the initial weights

    def update(self) -> None:
        """Add the present weights to the average."""
        self.averaged.update_parameters(self.current)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the averaged weights into the network within the context."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def state_dict(self) -> dict[str, Any]:
        """Return the average and the number of steps."""
        return self.averaged.state_dict()

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Restore them."""
        self.averaged.load_state_dict(state)

    @torch.no_grad()
    def _swap(self) -> None:
        for parameter, average in zip(self.current, self.averaged.parameters(), strict=True):
            kept = parameter.detach().clone()
            parameter.copy_(average)
            average.copy_(kept)
