"""64-bit hashes of sequences of ids, on a tensor."""

from torch import Tensor

FIRST, SECOND, THIRD = -0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15
"""Odd 64-bit constants (of splitmix64) by which an id is multiplied: the first, the second, and one of a third kind."""


def mix(hashes: Tensor) -> Tensor:
    """Return 64-bit hashes spread over the non-negative numbers (the last steps of splitmix64)."""
    hashes = (hashes ^ ((hashes >> 30) & ((1 << 34) - 1))) * SECOND
    hashes = (hashes ^ ((hashes >> 27) & ((1 << 37) - 1))) * THIRD
    return (hashes ^ (hashes >> 31)) & ((1 << 63) - 1)
