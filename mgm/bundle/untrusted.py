"""What a bundle from elsewhere may not do: its files describe a network that the weights must fit before memory is taken for it.

Every fault is an error of one line that names the file; nothing is half loaded, since a bundle is returned whole or not at all.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from mgm.errors import StaleInput
from mgm.model.wide.ngram_table import NgramTable
from mgm.model.wide.tagging import WideTagging

_MAX_DERIVED_BYTES = 1 << 30
"""The bytes of buffers that a network makes for itself and that no file holds."""
_MAX_CHARACTERS = 600


@contextmanager
def refuse_faults(path: Path) -> Iterator[None]:
    """Raise what the content of a file leads to as an error of one line that names the file."""
    try:
        yield
    except (FileNotFoundError, StaleInput, MemoryError):
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        text = " ".join(str(error).split())
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
        if not isinstance(error, ValueError):
            text = f"not that of a bundle: {type(error).__name__}: {text}"
        if not text.startswith(str(path.parent)):
            text = f"{path}: {text}"
        raise ValueError(text if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]}...") from error


def check_fits(tensors: Mapping[str, Tensor], build: Callable[[], nn.Module]) -> None:
    """Check that a network has exactly these tensors, before it is built with memory.

    Args:
        tensors: the weights of a file.
        build: makes the network that a config describes.

    Raises:
        ValueError: the config asks for other tensors, or a number is NaN or infinite.
    """
    with _limited_parameters(len(tensors)), torch.device("meta"):
        network = build()
        for name, module in network.named_modules():
            if isinstance(module, NgramTable | WideTagging):
                module.match_size(tensors, f"{name}.")
    expected = network.state_dict()
    for name in sorted(expected.keys() - tensors.keys()):
        raise ValueError(f"{name!r}: missing; made by another version of the network, or for another config")
    for name, tensor in sorted(tensors.items()):
        if name not in expected:
            raise ValueError(f"{name!r}: no tensor of the network that the config describes")
        shape, wanted = list(tensor.shape), list(expected[name].shape)
        if shape != wanted or tensor.dtype != expected[name].dtype:
            raise ValueError(
                f"{name!r}: {tensor.dtype} {shape}; the config describes {expected[name].dtype} {wanted}"
            )
        if tensor.is_floating_point() and tensor.numel():
            bounds = torch.stack(tensor.aminmax())
            if not bool(torch.isfinite(bounds).all()):
                raise ValueError(f"{name!r}: NaN or infinite; expected numbers")
    derived = [b for name, b in network.named_buffers() if name not in expected]
    if (size := sum(math.prod(b.shape) * b.element_size() for b in derived)) > _MAX_DERIVED_BYTES:
        raise ValueError(
            f"the config asks for {size:,} bytes beside the weights; expected at most {_MAX_DERIVED_BYTES:,}"
        )


@contextmanager
def _limited_parameters(most: int) -> Iterator[None]:
    """Stop the making of a network that has more parameters than a file has tensors."""
    count = 0

    def add(*_: object) -> None:
        nonlocal count
        count += 1
        if count > most:
            raise ValueError(f"{most} tensors; the config describes more")

    hook = register_module_parameter_registration_hook(add)
    try:
        yield
    finally:
        hook.remove()
