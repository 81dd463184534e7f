"""Several processes that train together as threads of this one: what they exchange goes through memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier
from typing import Any, TypeVar

from mgm.training.distributed import DistributedContext

Result = TypeVar("Result")


class Exchange:
    """Gives each thread the values of all."""

    def __init__(self, world_size: int) -> None:
        self.barrier, self.values = Barrier(world_size), [None] * world_size

    def all_values(self, rank: int, value: Any) -> list[Any]:
        self.values[rank] = value
        self.barrier.wait(10)
        values = list(self.values)
        self.barrier.wait(10)
        return values


@dataclass(frozen=True)
class Member(DistributedContext):
    """The place of one thread."""

    exchange: Exchange = field(default_factory=lambda: Exchange(1))

    def max_over_processes(self, number: int) -> int:
        return max(self.exchange.all_values(self.rank, number))

    def sum_over_processes(self, *numbers: int) -> list[int]:
        return [sum(of_all) for of_all in zip(*self.exchange.all_values(self.rank, numbers), strict=True)]

    def broadcast_object(self, value: Any) -> Any:
        return self.exchange.all_values(self.rank, value)[0]


def in_threads(world_size: int, run: Callable[[DistributedContext], Result]) -> list[Result]:
    """Return the result of each member of a team, by rank."""
    exchange = Exchange(world_size)
    members = [Member(rank, world_size, exchange) for rank in range(world_size)]
    with ThreadPoolExecutor(world_size) as threads:
        return list(threads.map(run, members))
