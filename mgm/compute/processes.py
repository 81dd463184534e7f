"""Calls of one function in other processes: results come in order, and no process outlives an error or its parent."""

import os
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar, cast

from mgm.compute.executor import Reads
from mgm.compute.shuffle import LocalShuffle

T = TypeVar("T")

_function: Callable[..., Any]
"""The function that a worker process calls; it is sent once, since it may hold large tables."""


@dataclass(frozen=True)
class LocalExecutor:
    """Calls in this process, or in several processes of this machine."""

    processes: int = 1

    def map(
        self,
        function: Callable[..., T],
        arguments: Iterable[tuple[Any, ...]],
        *,
        reads: Reads | None = None,
    ) -> Generator[T, None, None]:
        """Yield the results in order; see `Executor.map`. After an error the calls under way are waited for.

        Raises:
            Whatever `function` raises; ChildProcessError: a process ended abruptly, most often for want of memory.
        """
        if self.processes > 1:
            arguments = list(arguments)
            if len(arguments) > 1:
                processes = min(self.processes, len(arguments))
                yield from _map_in_processes(function, arguments, processes=processes)
                return
        for call_arguments in arguments:
            yield function(*call_arguments)

    def shuffle(self, folder: Path | None = None) -> LocalShuffle:
        """Return a shuffle; see `Executor.shuffle`."""
        return LocalShuffle(self, folder=folder)


THIS_PROCESS = LocalExecutor()
"""One call after another, in this process."""


def _map_in_processes(
    function: Callable[..., T], calls: Sequence[tuple[Any, ...]], *, processes: int
) -> Generator[T, None, None]:
    pool = ProcessPoolExecutor(
        processes,
        mp_context=get_context("spawn"),  # not forked: Polars' threads do not survive a fork
        initializer=_begin,
        initargs=(function,),
    )
    try:
        yield from pool.map(_call, calls)
    except BrokenProcessPool as error:
        raise ChildProcessError(
            f"one of {processes} processes ended abruptly; where nothing above says why, the memory ran out "
            "(fewer processes need less)"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def run_in_subprocess(function: Callable[..., T], *arguments: Any) -> T:
    """Return function(*arguments), called in a fresh process: it has separate memory, and its crash does not end this process.

    Raises:
        Whatever `function` raises; ChildProcessError: the process ended abruptly.
    """
    with ProcessPoolExecutor(
        1, mp_context=get_context("spawn"), initializer=_begin, initargs=(function,)
    ) as pool:
        try:
            return cast(T, pool.submit(_call, arguments).result())
        except BrokenProcessPool as error:
            raise ChildProcessError("the process ended abruptly, most often for want of memory") from error


def _begin(function: Callable[..., Any]) -> None:
    global _function
    _function = function
    # A worker whose parent was killed would wait for work for ever.
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None, "runs in a worker process"
    parent.join()
    os._exit(1)


def _call(arguments: tuple[Any, ...]) -> Any:
    return _function(*arguments)
