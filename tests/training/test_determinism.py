"""The number of threads is the setting's, or that of the processors that a process may use."""

import os

import joblib
import pytest
import torch

from mgm.training.determinism import MAX_AUTO_THREADS, deterministic, resolve_threads


@pytest.mark.parametrize(
    ("processors", "environment", "expected"),
    [
        (3, {}, 3),
        (1, {}, 1),
        (64, {}, MAX_AUTO_THREADS),
        (6, {"LOCAL_WORLD_SIZE": "2"}, 3),
        (2, {"LOCAL_WORLD_SIZE": "4"}, 1),
    ],
    ids=["all", "one", "many", "shared-by-processes", "fewer-than-processes"],
)
def test_auto_is_the_share_of_the_processors(
    processors: int, environment: dict[str, str], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joblib, "cpu_count", lambda: processors)
    assert resolve_threads("auto", environment) == expected
    assert resolve_threads(5, environment) == 5


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs an affinity to set")
def test_auto_keeps_to_the_affinity_of_the_process() -> None:
    before, threads = os.sched_getaffinity(0), torch.get_num_threads()
    os.sched_setaffinity(0, {min(before)})
    try:
        with deterministic("auto"):
            assert torch.get_num_threads() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert torch.get_num_threads() == threads
