"""The steps of a night in their order, by name, at each of which a test may kill the process.

The environment variable MGM_KILL_AT names the step at which the process ends as by `kill -9`.
"""

import os
import signal

VARIABLE = "MGM_KILL_AT"

CUT = "cut"
JUDGED = "judged"
SHARD_WRITTEN = "shard written"
SHARD_STAGED = "shard staged"
REJECTS_WRITING = "rejects writing"
REJECTS_COMMITTED = "rejects committed"
PREDICTIONS_WRITING = "predictions writing"
PREDICTIONS_COMMITTED = "predictions committed"
PAGE_WRITTEN = "page written"
SUMMARY_WRITTEN = "summary written"
STEPS = (
    CUT,
    JUDGED,
    SHARD_WRITTEN,
    SHARD_STAGED,
    REJECTS_WRITING,
    REJECTS_COMMITTED,
    PREDICTIONS_WRITING,
    PREDICTIONS_COMMITTED,
    PAGE_WRITTEN,
    SUMMARY_WRITTEN,
)


def reached(step: str) -> None:
    """Note that `step` is done, and end the process where MGM_KILL_AT names it."""
    assert step in STEPS, f"{step!r} is no step of a night"
    if os.environ.get(VARIABLE) == step:
        os.kill(os.getpid(), signal.SIGKILL)
