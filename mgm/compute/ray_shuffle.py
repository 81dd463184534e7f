"""Rows that calls emit in a Ray cluster, and that travel through its object store to be joined by keys.

Each task returns an object for each column or division of the keys, and the tasks that reduce a division take these as arguments: Ray moves them between nodes,
spills them to disk where its store is full, frees them when no task needs them, and makes again what a lost node had.

Source: Luan, Wang, Kim et al. (2023): Exoshuffle: An Extensible Shuffle Architecture. SIGCOMM.
"""

import pickle
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from mgm.compute.executor import Columns, Emitted, JoinedRows, Reads, Step
from mgm.compute.remote_calls import RemoteCalls
from mgm.compute.remote_tasks import RemoteTasks
from mgm.compute.shuffle import LocalShuffle

BYTES_OF_DIVISION = 128 << 20
"""The bytes of the rows of a division, about, which a worker has in memory twice."""
PrepareCalls = Callable[[Sequence[tuple[Any, ...]], Reads | None], Iterator[tuple[Any, ...] | None]]
"""Yields, of calls in their order, what the emitter gets; None: the call is made in this process."""


class RayShuffle:
    """Columns of the rows of each call, as objects of the cluster; those of a single call stay in this process.

    Args:
        calls: the cluster, which is reached when there are calls.
        emitter: a function for the workers, of the emitting function in pickled form and of what `prepare` yields.
        prepare: what is done before calls, such as bringing their files to where workers get them.
        local: the shuffle of a single call.
    """

    def __init__(
        self,
        calls: RemoteCalls,
        *,
        emitter: Callable[..., Emitted],
        prepare: PrepareCalls,
        local: LocalShuffle,
    ) -> None:
        self._calls, self._emitter, self._prepare, self._local = calls, emitter, prepare, local
        self._tasks: RemoteTasks | None = None
        self._names: Sequence[str] = []
        self._columns: list[list[Any]] = []
        """The objects of each call's columns."""
        self._num_rows: list[int] = []

    def num_divisions(self, num_bytes: int) -> int:
        """Return the number of divisions; see `Shuffle.num_divisions`."""
        return 1 if self._tasks is None else max(1, -(-num_bytes // BYTES_OF_DIVISION))

    def emit(
        self,
        function: Callable[..., Emitted],
        arguments: Iterable[tuple[Any, ...]],
        *,
        columns: Sequence[str],
        reads: Reads | None = None,
    ) -> Generator[Any, None, None]:
        """Yield the heads; see `Shuffle.emit`.

        Raises:
            Whatever `function` raises; WorkersLost: no worker starts, or some are lost again and again.
        """
        calls = list(arguments)
        if len(calls) < 2:
            yield from self._local.emit(function, calls, columns=columns)
            return
        self._tasks = tasks = self._calls.tasks()
        self._names, self._columns, self._num_rows = columns, [], []
        sent = tasks.put_function(function)
        heads: deque[Any] = deque()
        for call, prepared in zip(calls, self._prepare(calls, reads), strict=True):
            if prepared is None:
                head, *values = _unpack(function(*call), columns)
                head, handles = tasks.put(head), [tasks.put(value) for value in values]
            else:
                head, *handles = tasks.submit(
                    _emit, self._emitter, columns, sent, *prepared, num_returns=1 + len(columns)
                )
            self._columns.append(handles)
            heads.append(head)
            while len(heads) > tasks.max_in_flight:
                yield self._take(heads.popleft())
        while heads:
            yield self._take(heads.popleft())

    def reduce(
        self, steps: Sequence[Step], *, rows: npt.NDArray[Any] | None = None
    ) -> Generator[Any, None, None]:
        """Yield the results; see `Shuffle.reduce`.

        Raises:
            Whatever a step raises; WorkersLost: some workers are lost again and again.
        """
        tasks = self._tasks
        if tasks is None:
            yield from self._local.reduce(steps, rows=rows)
            return
        joined = (
            [None] * len(self._columns)
            if rows is None
            else [tasks.put(of_call) for of_call in self._split(rows)]
        )
        results: deque[Any] = deque()
        for step in steps:
            sent = tasks.put_function(step)
            needed = [self._names.index(name) for name in step.columns]
            parts = [
                (of_call, *(handles[i] for i in needed))
                for of_call, handles in zip(joined, self._columns, strict=True)
            ]
            if step.num_divisions == 1:
                results += tasks.submit(
                    _divide_and_reduce, sent, *(value for part in parts for value in part)
                )
            else:
                pieces = [
                    tasks.submit(_divide, sent, *part, num_returns=step.num_divisions) for part in parts
                ]
                for of_division in zip(*pieces, strict=True):
                    results += tasks.submit(_reduce, sent, *of_division)
                del pieces  # the store frees those that are reduced
            while len(results) > tasks.max_in_flight:
                yield tasks.get(results.popleft())
        while results:
            yield tasks.get(results.popleft())

    def _take(self, head: Any) -> Any:
        assert self._tasks is not None, "there are calls in the cluster"
        value, num_rows = self._tasks.get(head)
        self._num_rows.append(num_rows)
        return value

    def _split(self, rows: npt.NDArray[Any]) -> Generator[JoinedRows, None, None]:
        """Yield those rows that are each call's."""
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        firsts = [0, *accumulate(self._num_rows)]
        bounds = np.searchsorted(ordered, firsts)
        for first, begin, end in zip(firsts, bounds, bounds[1:], strict=False):
            yield JoinedRows(ordered[begin:end] - first, order[begin:end])


def _unpack(emitted: Emitted, names: Sequence[str]) -> tuple[Any, ...]:
    """Return the head with the number of rows, and the columns."""
    values = [emitted.columns[name] for name in names]
    return (emitted.head, len(values[0]) if values else 0), *values


def _emit(emitter: Callable[..., Emitted], names: Sequence[str], *arguments: Any) -> Any:
    result = _unpack(emitter(*arguments), names)
    return result if len(result) > 1 else result[0]


def _divide(content: bytes, rows: JoinedRows | None, *values: npt.NDArray[Any]) -> list[Any]:
    step: Step = pickle.loads(content)
    columns: Columns = dict(zip(step.columns, values, strict=True))
    return [step.divide(columns, rows, division=division) for division in range(step.num_divisions)]


def _reduce(content: bytes, *pieces: Any) -> Any:
    return pickle.loads(content).reduce(pieces)


def _divide_and_reduce(content: bytes, *values: Any) -> Any:
    """Reduce the only division of a step, of the rows and columns of each call, one after another."""
    step: Step = pickle.loads(content)
    width = 1 + len(step.columns)
    parts = [values[begin : begin + width] for begin in range(0, len(values), width)]
    return step.reduce(
        [
            step.divide(dict(zip(step.columns, columns, strict=True)), rows, division=0)
            for rows, *columns in parts
        ]
    )
