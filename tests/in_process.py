"""Smoke batches and costs without a fresh process for each, whose imports take longer than the work."""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from flows import candidate_validation
from flows.stages import explain

T = TypeVar("T")


def _call(work: Callable[..., T], *arguments: Any) -> T:
    return work(*arguments)


def score_in_this_process(patch: pytest.MonkeyPatch) -> None:
    """Let verdict and explain score here; their peak memory is then that of the tests."""
    for module in (candidate_validation, explain):
        patch.setattr(module, "run_in_subprocess", _call)
