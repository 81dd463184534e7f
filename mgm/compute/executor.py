"""What runs the tasks of a stage, wherever that is."""

import platform
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self, TypeVar

import numpy.typing as npt

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


Columns = dict[str, npt.NDArray[Any]]
"""Arrays by name. Those of several calls are joined along the first axis, each alone."""


class Emitted(NamedTuple):
    """What a call gives to a shuffle."""

    head: Any
    """What the caller gets at once."""
    columns: Columns
    """What stays where it is until a step divides it."""


@dataclass(frozen=True)
class JoinedRows:
    """The rows of some calls that a step joins."""

    index: npt.NDArray[Any]
    """Their numbers among these calls' rows."""
    places: npt.NDArray[Any]
    """Their places in the list of all rows that the step joins."""


class Step(Protocol):
    """A join of all rows by a key; it is picklable, and small.

    Its keys are in divisions, each of which is reduced alone, so that a division is what a worker has in memory.
    """

    @property
    def columns(self) -> Sequence[str]:
        """Those that it needs."""
        ...

    @property
    def num_divisions(self) -> int:
        """The number of divisions."""
        ...

    def divide(self, columns: Columns, rows: JoinedRows | None, *, division: int) -> Any:
        """Return what `reduce` needs of the rows of a division: picklable; it may be a view of the columns that is copied when it is pickled.

        Args:
            columns: those of some calls.
            rows: the rows that are joined; None: all.
            division: the number of the division, which depends on nothing but a row's key.
        """
        ...

    def reduce(self, pieces: Sequence[Any]) -> Any:
        """Return the result of a division, of what `divide` has returned, in the order of the calls."""
        ...


class Shuffle(Protocol):
    """Rows that calls emit, and that steps then join by keys: each machine has some of the calls' rows, and some divisions of the keys."""

    def emit(
        self,
        function: Callable[..., Emitted],
        arguments: Iterable[tuple[Any, ...]],
        *,
        columns: Sequence[str],
        reads: Reads | None = None,
    ) -> Generator[Any, None, None]:
        """Yield the heads of function(*arguments[0]), ..., in this order, and keep their columns; see `Executor.map`.

        Args:
            function: the function.
            arguments: those of each call.
            columns: the names of the columns that every call returns.
            reads: the files of a call.
        """
        ...

    def num_divisions(self, num_bytes: int) -> int:
        """Return the number of divisions that the keys of a step should have, by the bytes of all of its rows, which travel."""
        ...

    def reduce(
        self, steps: Sequence[Step], *, rows: npt.NDArray[Any] | None = None
    ) -> Generator[Any, None, None]:
        """Yield the results of all divisions of the steps, in order.

        Args:
            steps: the steps.
            rows: the rows that are joined, by their numbers in the order of the calls; None: all.
        """
        ...


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

    def shuffle(self, folder: Path | None = None) -> Shuffle:
        """Return a shuffle, which has no row yet.

        Args:
            folder: where rows are, where they do not travel: named files, which the caller deletes; None: they are in memory.
        """
        ...
