"""What runs the tasks of a stage, wherever that is."""

import platform
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

T = TypeVar("T")


class FolderNotShared(OSError):
    """A node of a cluster does not see the project's folder."""

    @classmethod
    def at(cls, folder: Path) -> Self:
        """Return the error of the node that this process is on."""
        return cls(
            f"{folder}: node {platform.node()} of the cluster does not see it as this machine does; expected the project's "
            "folder on a file system that all nodes share, at the same path"
        )


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
