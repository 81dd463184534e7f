"""Threads for the kernels of training, as many as torch has for its operations."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

import torch

LEAST_WORK = 1 << 18
"""The additions below which a kernel is done sooner than another thread has begun."""


def run_in_shares(call: Callable[[int, int], object], count: int, *, work: int) -> None:
    """Call `call` for runs of the numbers up to `count`, from the first one to the end, in threads that it does not hold the lock in.

    Args:
        call: what each run takes; it must not matter how the numbers are divided.
        count: how many there are.
        work: the additions of all of them, about.
    """
    threads = min(torch.get_num_threads(), count)
    if threads <= 1 or work < LEAST_WORK:
        call(0, count)
        return
    cuts = [count * share // threads for share in range(threads + 1)]
    futures = [_pool(os.getpid(), threads).submit(call, *cut) for cut in pairwise(cuts[1:])]
    call(cuts[0], cuts[1])
    for future in futures:
        future.result()


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="kernel")
