"""The learning rate over a training.

torch's LambdaLR counts steps; here progress is a share of the epochs, since the number of batches differs from epoch to epoch.
"""

import math

import torch

FACTOR = "rate_factor"
"""The key of a parameter group whose learning rate is a multiple of the others'."""


def warm_cosine(warmup: float, progress: float) -> float:
    """Return the share of the learning rate at a point of training: a linear warm-up, then half a cosine down to 0.

    Args:
        warmup: the share of all steps (0..1) in which the rate rises.
        progress: the share of all steps that are done (0..1], this one included.
    """
    if progress < warmup:
        return progress / warmup
    done = (progress - warmup) / max(1 - warmup, 1e-9)
    return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every parameter group of the optimizer this learning rate, or the group's multiple of it."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get(FACTOR, 1.0)
