"""Nights in processes of their own, which start with the libraries imported and may be killed at a step."""

import multiprocessing
import os
import resource
import signal
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mgm.scoring import steps
from tests import warm_python

# the project's own code is not preloaded: Polars must not have started threads before the fork
forkserver.set_forkserver_preload(list(warm_python.LIBRARIES))
_CONTEXT = multiprocessing.get_context("forkserver")


@dataclass(frozen=True)
class NightResult:
    """The end of a process: its exit code, negative for a signal; the summary, empty after an error; the error's text."""

    exit_code: int
    summary: dict[str, Any]
    error: str

    @property
    def is_killed(self) -> bool:
        """Whether the process was ended by SIGKILL."""
        return self.exit_code == -signal.SIGKILL


class NightProcess:
    """A night that is scored in the present folder by another process.

    Args:
        kill_at: the step at which the process is killed; empty: none.
        file_limit: no file can grow beyond so many bytes.
    """

    def __init__(
        self,
        source: str,
        bundle: Path,
        *,
        rescore: bool = False,
        kill_at: str = "",
        file_limit: int | None = None,
    ) -> None:
        self._results, sender = _CONTEXT.Pipe(duplex=False)
        arguments = (sender, source, bundle, rescore, kill_at, file_limit)
        self._process = _CONTEXT.Process(target=_score, args=arguments)
        self._process.start()
        sender.close()

    def result(self) -> NightResult:
        """Wait for the end of the process."""
        try:
            summary, error = self._results.recv()
        except EOFError:
            summary, error = {}, ""
        self._process.join(timeout=300)
        assert self._process.exitcode is not None, "the process has not ended"
        return NightResult(self._process.exitcode, summary, error)


def _score(
    results: Connection, source: str, bundle: Path, rescore: bool, kill_at: str, file_limit: int | None
) -> None:
    os.environ[steps.VARIABLE] = kill_at
    from mgm.scoring.scorer import Scorer
    from tests.scoring.nights import DAY, SETTINGS, score

    if file_limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
    heights, real_score = [], Scorer.score

    def count(self: Scorer, frame: Any, corpus: str | None = None) -> Any:
        heights.append(frame.height)
        return real_score(self, frame, corpus)

    Scorer.score = count  # type: ignore[method-assign]
    try:
        summary = score(DAY, source, bundle, settings=SETTINGS, rescore=rescore)
    except (ValueError, OSError) as error:
        results.send(({}, str(error)))
        raise SystemExit(1) from None
    results.send((summary | {"scored_now": sum(heights)}, ""))
