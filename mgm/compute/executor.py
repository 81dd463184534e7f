"""What runs the tasks of a stage, wherever that is."""

import platform
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

T = TypeVar("T")


class FolderNotShared(OSError):
    """A node of a cluster does not see the project's folder."""

    @classmethod
    def at(cls, folder: Path) -> Self:
        """Return the error of the node that this process is on."""
        return cls(
            f"{folder.absolute()}: node {platform.node()} of the cluster does not see it as this machine does; expected the project's "
            "folder on a file system that all nodes share, at the same path, or compute.ray.storage: s3://bucket/prefix"
        )


@dataclass(frozen=True)
class TaskFile:
    """A file that a call reads."""

    path: Path
    """Relative to the present folder, as the call opens it."""
    sha256: str = ""
    """The hash of its bytes; empty: not known."""


Reads = Callable[..., Sequence[TaskFile] | None]
"""A function of a call's arguments that returns all files that the call reads; None: its results are here already, and it only reads them."""


class Executor(Protocol):
    """Something that calls a function for each of many arguments: this process, several processes, a cluster's workers."""

    def map(
        self,
        function: Callable[..., T],
        arguments: Iterable[tuple[Any, ...]],
        *,
        reads: Reads | None = None,
    ) -> Generator[T, None, None]:
        """Yield function(*arguments[0]), function(*arguments[1]), ... in this order, called in any order.

        For other processes than this one the function is picklable, and a module-level name of mgm or an instance of its classes.
        It names files relative to the present folder. After an error no further call begins. A caller that may stop early closes
        the iterator.

        Args:
            function: the function, without a state.
            arguments: those of each call.
            reads: the files of a call, for workers that do not see this folder, which get them, and whose new files come back; None: no
                call reads a file.

        Raises:
            Whatever `function` raises.
        """
        ...
