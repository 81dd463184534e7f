"""What a peer is, and how any of them is tuned and measured."""

import time
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from mgm.tasks import Task

from .rows import Rows
from .scores import Outcome, score

Setting = dict[str, Any]


class Peer(Protocol):
    """A model of one task: `outcome` fits it on some rows and reads others."""

    name: str
    seeded: bool
    """Another seed may give another model."""

    def grid(self, task: Task) -> Sequence[Setting]:
        """The settings to choose from; none: this peer has nothing for the task."""
        ...

    def outcome(
        self, rows: Rows, fit_on: np.ndarray, read: np.ndarray, setting: Setting, seed: int
    ) -> Outcome:
        """What it finds for the rows of `read` (n,) bool, fitted on those of `fit_on` (n,) bool."""
        ...


def tune(peer: Peer, rows: Rows, seed: int) -> dict[str, Any]:
    """The setting that is best on validation, fitted on train, with its thresholds; all that were tried beside."""
    valid, tried = rows.of("valid"), []
    start = time.perf_counter()
    for setting in peer.grid(rows.task):
        scored = score(rows.filter(valid), peer.outcome(rows, rows.of("train"), valid, setting, seed))
        tried.append((scored.selection(rows.task.kind), setting, scored))
    _, setting, scored = max(tried, key=lambda one: one[0])
    return {
        "setting": setting,
        "valid": scored.metrics,
        "thresholds": None if scored.thresholds is None else scored.thresholds.to_json(),
        "tried": [{"setting": s, "valid": found.metrics} for _, s, found in tried],
        "seconds": round(time.perf_counter() - start, 1),
    }
