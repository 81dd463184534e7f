"""The optimizer of a network: AdamW for the parameters of its deep part."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from mgm.settings.training import TrainSettings


def make_adamw(
    dense: Sequence[nn.Parameter], learned_weights: Sequence[nn.Parameter], *, settings: TrainSettings
) -> torch.optim.AdamW:
    """Return AdamW over the dense parameters and over the weights of a weighting, which never decay."""
    groups = parameter_groups(dense, settings.weight_decay)
    if learned_weights:
        groups.append({"params": list(learned_weights), "weight_decay": 0.0})
    return torch.optim.AdamW(groups, settings.learning_rate, fused=True)


def parameter_groups(parameters: Sequence[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """Return two parameter groups: matrices, which decay, and biases and scales, which do not."""
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
