"""The encoder through torch.compile while a network is trained."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from mgm.model.encoder import Encoder
from mgm.model.network import Network


def compile_encoder(encoder: Encoder) -> Callable[..., Any]:
    """Return the encoder's forward through torch.compile, compiled once for all lengths of a batch.

    Recurrences stay as they are. Heads are not compiled: a compiled head without a loss in a batch gets gradients of 0, where
    it should get none, and weight decay and momentum would then move it.

    Raises:
        ValueError: there is no C++ compiler.
    """
    compiler = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    if shutil.which(compiler) is None:
        raise ValueError(
            f"params.yaml: train.compile: true, but there is no C++ compiler {compiler!r}; install one, name it in "
            "CXX, or set train.compile: false"
        )
    options: dict[str, str | int | bool | Callable[..., Any]] = {
        "deterministic": torch.are_deterministic_algorithms_enabled()
    }
    compiled: Callable[..., Any] = torch.compile(encoder.forward, dynamic=True, options=options)
    return compiled


@contextmanager
def encoder_forward(network: Network, forward: Callable[..., Any] | None) -> Iterator[None]:
    """Make the network's encoder run by `forward`, if any, within the context; validation and later users run it unchanged."""
    if forward is None:
        yield
        return
    network.encoder.__dict__["forward"] = forward
    try:
        yield
    finally:
        del network.encoder.__dict__["forward"]
