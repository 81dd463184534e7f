"""Operations that give the same bytes each time."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits
from torch.utils import deterministic as memory


@contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """Make torch, and BLAS under NumPy and SciPy, use `threads` threads, and torch deterministic operations, within the context."""
    threads_before, mode_before = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    fills_before = memory.fill_uninitialized_memory  # type: ignore[attr-defined]  # a property of the module
    torch.set_num_threads(threads)
    # Some GPU operations have no deterministic form: there torch only warns. use_deterministic_algorithms would do the same, and
    # import torch._inductor for it, which takes longer than a small training.
    torch.set_deterministic_debug_mode("warn" if torch.cuda.is_available() else "error")
    try:
        # Deterministic mode fills all new memory with NaN, which shows what reads it before it is written: nothing here does (a test
        # compares both), and a training is 7 to 8% faster without.
        memory.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        with threadpool_limits(threads, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(threads_before)
        torch.set_deterministic_debug_mode(mode_before)
        memory.fill_uninitialized_memory = fills_before  # type: ignore[attr-defined]
