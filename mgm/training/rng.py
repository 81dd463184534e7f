"""Random states: seeded by numbers, saved, and restored for a while."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import torch
from torch import Tensor


def rng_state(device: torch.device) -> list[Tensor]:
    """Return torch's random state on the CPU and, if it is a GPU, on `device`."""
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state(device)] if device.type == "cuda" else [])]


@contextmanager
def restored_rng(state: list[Tensor], device: torch.device) -> Iterator[None]:
    """Restore torch's random state to `state` (of `rng_state`) within the context, and the present state after it."""
    with _forked_rng(device):
        torch.set_rng_state(state[0])
        if device.type == "cuda":
            torch.cuda.set_rng_state(state[1], device)
        yield


def seed_rng(*key: int) -> None:
    """Seed torch, on every device, with a function of these numbers."""
    torch.manual_seed(int(np.random.default_rng(key).integers(2**62)))


@contextmanager
def seeded_rng(key: tuple[int, ...], device: torch.device) -> Iterator[None]:
    """Seed torch with `key` within the context, and restore the present random state after it."""
    with _forked_rng(device):
        seed_rng(*key)
        yield


def _forked_rng(device: torch.device) -> AbstractContextManager[None]:
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])
