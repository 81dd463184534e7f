"""Calls of the compiled kernels with tensors."""

import ctypes

import torch
from torch import Tensor

from mgm.native import load_kernels


def kernels_for(*tensors: Tensor) -> ctypes.CDLL | None:
    """Return the kernels where they can compute with these float tensors in place of torch, else None.

    They have no gradients, and read float32 in the memory of the processor.
    """
    if torch.is_grad_enabled() or any(
        t.dtype != torch.float32 or t.device.type != "cpu" or not t.is_contiguous() for t in tensors
    ):
        return None
    return load_kernels()


def pointer(tensor: Tensor) -> ctypes.c_void_p:
    """Return the address of a contiguous tensor, which must live as long as it is used."""
    assert tensor.is_contiguous()
    return ctypes.c_void_p(tensor.data_ptr())
