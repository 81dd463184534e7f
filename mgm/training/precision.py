"""The precision of matrix products in training, by device."""

from typing import Literal

import torch

Precision = Literal["fp32", "bf16"]


def resolve_precision(setting: Literal["auto", "fp32", "bf16"], device: torch.device) -> Precision:
    """Return the precision that `train.precision` means on `device`.

    auto is bf16 on a GPU that has it, and fp32 on every CPU: even where one multiplies bf16 four times as fast, a whole
    step gains nothing (benchmarks/training.py), since most of it gathers, recurs and updates.

    Raises:
        ValueError: the setting is bf16 and the hardware would only emulate it, which is slower than fp32.
    """
    if setting == "fp32":
        return "fp32"
    has = has_bf16(device)
    if setting == "bf16" and not has:
        raise ValueError(
            f"params.yaml: train.precision: bf16, but this {device.type} has no bf16 instructions; "
            "expected auto or fp32 here"
        )
    return "bf16" if has and (setting == "bf16" or device.type == "cuda") else "fp32"


def has_bf16(device: torch.device) -> bool:
    """Return whether the hardware multiplies bf16 itself (on a CPU: AVX-512 BF16 or AMX)."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
