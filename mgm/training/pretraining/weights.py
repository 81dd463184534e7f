"""The weights that training starts from: data/pretrained.

pretrained.json: how it came to be, without times; weights.safetensors: of the encoder (`encoder.*`) and of a
stacked autoencoder (`fusion.*`). Where nothing was pretrained, the first alone.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

FACTS, WEIGHTS = "pretrained.json", "weights.safetensors"


def save(folder: Path, weights: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Writes both files, `facts` last; no weights: the one."""
    folder.mkdir(parents=True, exist_ok=True)
    if weights:
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
        (folder / WEIGHTS).write_bytes(save_tensors(state))
    text = json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / FACTS).write_text(text + "\n", encoding="utf-8")


def load(folder: Path, vocabulary_sha256: str) -> dict[str, Tensor]:
    """The weights that `save` wrote.

    Raises:
        FileNotFoundError: nothing was pretrained.
        ValueError: it was pretrained on another vocabulary.
    """
    path = folder / FACTS
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; run the stage pretrain")
    facts = json.loads(path.read_text(encoding="utf-8"))
    if not (folder / WEIGHTS).is_file():
        raise FileNotFoundError(
            f"{folder / WEIGHTS}: no such file; train.init_from: pretrained and model.fusion: stacked_autoencoder need "
            "the stage pretrain"
        )
    if facts["vocabulary_sha256"] != vocabulary_sha256:
        raise ValueError(f"{path}: not made from the present vocabulary; run the stage pretrain again")
    return load_tensors((folder / WEIGHTS).read_bytes())


@torch.no_grad()
def load_matching(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Lets every weight of `module` begin with its namesake of the same shape: a variant of the model that lacks a part
    begins with the rest.

    Raises:
        ValueError: none fits.
    """
    own = module.state_dict()
    fitting = {name for name in own.keys() & weights.keys() if own[name].shape == weights[name].shape}
    if not fitting:
        raise ValueError("none of the pretrained weights is of this model; run the stage pretrain again")
    for name in sorted(fitting):
        own[name].copy_(weights[name])
