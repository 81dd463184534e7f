"""Random numbers that do not go on where the last ones ended: drawn a second time, or from a seed of their own."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import torch
from torch import Tensor


def rng_state(device: torch.device) -> list[Tensor]:
    """What torch will draw from now on, on the CPU and on `device`."""
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state(device)] if device.type == "cuda" else [])]


@contextmanager
def restored_rng(state: list[Tensor], device: torch.device) -> Iterator[None]:
    """Within it torch draws what it drew after `random_state`; behind it, it goes on as if nothing had been drawn."""
    with _apart(device):
        torch.set_rng_state(state[0])
        if device.type == "cuda":
            torch.cuda.set_rng_state(state[1], device)
        yield


def seed(*key: int) -> None:
    """What torch draws from now on, here and on every device, is a function of these numbers."""
    torch.manual_seed(int(np.random.default_rng(key).integers(2**62)))


@contextmanager
def seeded_rng(key: tuple[int, ...], device: torch.device) -> Iterator[None]:
    """Within it torch draws what `seed(*key)` gives; behind it, it goes on as if nothing had been drawn."""
    with _apart(device):
        seed(*key)
        yield


def _apart(device: torch.device) -> AbstractContextManager[None]:
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])
