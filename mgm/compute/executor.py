"""What runs the tasks of a stage, wherever that is."""

from collections.abc import Callable, Generator, Iterable
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Executor(Protocol):
    """Something that calls a function for each of many arguments: this process, several processes, a cluster's workers."""

    def map(
        self, function: Callable[..., T], arguments: Iterable[tuple[Any, ...]]
    ) -> Generator[T, None, None]:
        """Yield function(*arguments[0]), function(*arguments[1]), ... in this order, called in any order.

        For other processes than this one the function is picklable, and a module-level name of mgm or an instance of its classes.
        After an error no further call begins. A caller that may stop early closes the iterator.

        Raises:
            Whatever `function` raises.
        """
        ...
