"""The batches of an epoch, in order, gathered by a thread ahead of the model where that pays."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import fields
from typing import Any, TypeVar

import torch

from mgm.model.batch import Batch

PREFETCHED_BATCHES = 3
"""Batches that are gathered ahead: one is too few where batches differ in size."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def load_batches(
    steps: Iterable[Item], gather: Callable[[Item], Batch], *, device: torch.device
) -> Generator[Batch, None, None]:
    """Yield the batch of every step, in order, on `device`.

    For a GPU a thread gathers them ahead, into pinned memory, so that the copy does not wait for the model. On a CPU the
    thread would only take a core from the model.
    """
    if device.type != "cuda":
        yield from (gather(step).to(device) for step in steps)
        return
    for batch in prefetch(steps, lambda step: pin_memory(gather(step)), count=PREFETCHED_BATCHES):
        yield batch.to(device)


def prefetch(
    items: Iterable[Item], make: Callable[[Item], Result], *, count: int
) -> Generator[Result, None, None]:
    """Yield make(item) of every item, in order; a thread is up to `count` items ahead of the reader."""
    with ThreadPoolExecutor(1, thread_name_prefix="loader") as thread:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(thread.submit(make, item))
                if len(waiting) > count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def pin_memory(batch: Batch) -> Batch:
    """Return the same batch in page-locked memory, from where a GPU copies without the CPU."""
    return Batch(**{f.name: _pin(getattr(batch, f.name)) for f in fields(batch)})


def _pin(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _pin(inner) for name, inner in value.items()}
    return value.pin_memory() if isinstance(value, torch.Tensor) else value
