"""The optimizer of a network: AdamW for the parameters of its deep part."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from mgm.pretrained.encoder import PretrainedEncoder
from mgm.settings.training import TrainSettings
from mgm.training.schedule import FACTOR


def make_adamw(
    dense: Sequence[nn.Parameter],
    learned_weights: Sequence[nn.Parameter],
    *,
    settings: TrainSettings,
    pretrained: PretrainedEncoder | None = None,
) -> torch.optim.AdamW:
    """Return AdamW over the dense parameters and over the weights of a weighting, which never decay.

    Args:
        dense: the parameters of the network, with those of `pretrained`.
        learned_weights: the weights of a weighting.
        settings: the section `train`.
        pretrained: an encoder with learning rates of its own, one a layer (Howard and Ruder 2018, arXiv:1801.06146).
    """
    layers = [] if pretrained is None else pretrained.trained_layers()
    in_layers = {id(p) for layer in layers for p in layer}
    groups = parameter_groups([p for p in dense if id(p) not in in_layers], settings.weight_decay)
    for depth, layer in enumerate(layers):
        assert pretrained is not None
        own = pretrained.settings
        factor = own.learning_rate / settings.learning_rate * own.layer_decay**depth
        groups += [group | {FACTOR: factor} for group in parameter_groups(layer, settings.weight_decay)]
    if learned_weights:
        groups.append({"params": list(learned_weights), "weight_decay": 0.0})
    return torch.optim.AdamW(groups, settings.learning_rate, fused=True)


def parameter_groups(parameters: Sequence[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """Return two parameter groups: matrices, which decay, and biases and scales, which do not."""
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
