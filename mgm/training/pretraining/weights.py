"""The weights that training starts from: data/pretrained.

weights.safetensors: those of the encoder (`encoder.*`) and of a stacked autoencoder (`fusion.*`); absent where nothing was
pretrained. pretrained.json: how they came to be, without times.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from mgm.errors import MissingInput, StaleInput
from mgm.files import read_json, write_json

FACTS, WEIGHTS = "pretrained.json", "weights.safetensors"


def save_pretrained(folder: Path, weights: dict[str, Tensor], *, facts: dict[str, Any]) -> None:
    """Write the weights, if there are any, and then the facts."""
    folder.mkdir(parents=True, exist_ok=True)
    if weights:
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
        (folder / WEIGHTS).write_bytes(save_tensors(state))
    write_json(folder / FACTS, facts)


def load_pretrained(folder: Path, vocabulary_sha256: str) -> dict[str, Tensor]:
    """Return the pretrained weights by name.

    Raises:
        MissingInput: nothing was pretrained.
        StaleInput: the weights were pretrained on another vocabulary.
    """
    path = folder / FACTS
    if not path.is_file():
        raise MissingInput(path, "no such file", made_by="pretrain")
    facts = read_json(path)
    if not (folder / WEIGHTS).is_file():
        raise MissingInput(
            folder / WEIGHTS,
            "no such file; train.init_from: pretrained and model.fusion: stacked_autoencoder need it",
            made_by="pretrain",
        )
    if facts["vocabulary_sha256"] != vocabulary_sha256:
        raise StaleInput(path, "not made from the present vocabulary", made_by="pretrain")
    return load_tensors((folder / WEIGHTS).read_bytes())


@torch.no_grad()
def load_matching(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copy into `module` every weight that it has under the same name and in the same shape.

    A variant of the model that lacks a part starts with the rest.

    Raises:
        StaleInput: none matches.
    """
    state = module.state_dict()
    matching = {name for name in state.keys() & weights.keys() if state[name].shape == weights[name].shape}
    if not matching:
        raise StaleInput("pretrained weights", "none of them is of this model", made_by="pretrain")
    for name in sorted(matching):
        state[name].copy_(weights[name])
