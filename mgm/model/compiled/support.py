"""Which networks the kernels can compute."""

import torch

from mgm.model.granularity import GRANULARITIES, Character, Lead, Windows, Word
from mgm.model.network import Network
from mgm.model.wide.compiled import can_read
from mgm.native import why_missing

_COMPILED = (Character, Word, Windows, Lead)


def why_not_compiled(network: Network) -> str | None:
    """Return why the kernels cannot predict with this network; None: they can."""
    if (missing := why_missing()) is not None:
        return missing
    if network.predicts_words or network.generating:
        return "a task predicts words or generates text"
    for name, level in network.encoder.granularities.items():
        if not isinstance(level, _COMPILED):
            return f"model.{name} is on; the kernels know only {', '.join(_names())}"
        if getattr(level, "selection", "all") != "all":
            return f"model.{name}.words: {level.selection}; the kernels know only all"
    if network.wide is not None and not can_read(network.wide):
        return "model.wide has more buckets or longer Chinese n-grams than the kernels know"
    if any(p.dtype != torch.float32 or p.device.type != "cpu" for p in network.parameters()):
        return "the network is not in float32 on the CPU"
    return None


def _names() -> list[str]:
    return [f"model.{name}" for name, level in GRANULARITIES.items() if level in _COMPILED]
