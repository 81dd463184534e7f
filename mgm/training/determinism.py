"""Operations that give the same bytes each time."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """Make torch, and BLAS under NumPy and SciPy, use `threads` threads, and torch deterministic operations, within the context."""
    threads_before, was_deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    # some GPU operations have no deterministic form: there torch only warns
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    try:
        with threadpool_limits(threads, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(threads_before)
        torch.use_deterministic_algorithms(was_deterministic)
