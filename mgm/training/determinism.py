"""Operations that give the same bytes each time."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, TypeAlias

import joblib
import torch
from threadpoolctl import threadpool_limits
from torch.utils import deterministic as memory

Threads: TypeAlias = int | Literal["auto"]
"""A number of threads, or as many as suit the machine."""
MAX_AUTO_THREADS = 8
"""The most threads of `auto`: batches of some thousand words do not keep many busy."""


def resolve_threads(threads: Threads, environment: Mapping[str, str] = os.environ) -> int:
    """Return a number of threads; for `auto` the processors that this process may use, at most `MAX_AUTO_THREADS`.

    These are the processors of its affinity or its container's quota, shared by the processes that torchrun has started on this
    machine (`LOCAL_WORLD_SIZE` of the environment). Other work on the machine does not count: threads that wait sleep, so that more of
    them than free processors lose nothing, and the number would otherwise change from run to run, and the weights with it.
    """
    if threads != "auto":
        return threads
    of_process = joblib.cpu_count() // int(environment.get("LOCAL_WORLD_SIZE", 1))
    return max(1, min(of_process, MAX_AUTO_THREADS))


@contextmanager
def deterministic(threads: Threads) -> Iterator[None]:
    """Make torch, and BLAS under NumPy and SciPy, use `threads` threads, and torch deterministic operations, within the context."""
    threads = resolve_threads(threads)
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
