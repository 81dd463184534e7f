"""The command line that all stages share: arguments, errors in one line, statistics."""

import importlib
import inspect
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows import lock, logs, supervision
from flows.errors import exit_status
from flows.exit_codes import DONE
from flows.project import DATA, STAGES
from mgm.corpus.parts import Counts, listed_hashes
from mgm.files import write_json
from mgm.settings.core import PARAMS

if TYPE_CHECKING:
    from mgm.compute.executor import Executor

_logger = logging.getLogger(__name__)


def run_stage(main: Callable[..., int | None]) -> None:
    """Run a stage's `main` and exit with its status; it ends with the DVC that runs it, and no other run of it begins meanwhile.

    Its arguments are those of the command line and, where DVC runs one of several stages of the name, what tells them apart.
    """

    def run() -> int:
        supervision.end_with_dvc()
        with logs.on_stderr():
            start = time.perf_counter()
            _check_all_settings()
            arguments = stage_arguments(main, sys.argv[1:], key=supervision.stage_key())
            with _lock(main, arguments):
                status = main(*arguments) or DONE
            if status == DONE:
                _logger.info(f"done in {time.perf_counter() - start:.1f} s")
            return status

    sys.exit(exit_status(run))


def stage_arguments(main: Callable[..., Any], given: Sequence[str], *, key: str | None) -> list[str]:
    """Return the arguments of a stage's `main`.

    Args:
        main: the function.
        given: the arguments of the command line.
        key: what DVC says that the stage is for; a command line with all arguments, as a person writes it, has it already.
    """
    is_missing = len(given) < len(inspect.signature(main).parameters)
    return [*given, key] if key is not None and is_missing else list(given)


def _lock(main: Callable[..., Any], arguments: Sequence[str]) -> AbstractContextManager[None]:
    """Return the lock of a stage; of several processes that train together the first one holds it."""
    if os.environ.get("RANK", "0") != "0":
        return nullcontext()
    return lock.stage(" ".join([Path(inspect.getfile(main)).stem, *arguments]))


def _check_all_settings() -> None:
    """Check the whole of params.yaml, so that a wrong value of a late stage is known before the first one works.

    Imported by name: no result of a stage depends on the sections that it does not read, so their code is no dependency of it.
    Entries that ask nothing are warned of by the stages that read their section.
    """
    importlib.import_module("mgm.settings.settings").Settings.load(warns=False)


def write_counts(stage: str, corpus: str, *, counts: Counts, **more: Any) -> None:
    """Write a stage's statistics for one corpus, and log them in one line."""
    content = {
        "rows_in": counts.rows_in,
        "rows_out": counts.rows_out,
        "rejected": counts.rejected,
        "reasons": counts.reasons,
    }
    write_json(STAGES / stage / f"{corpus}.json", content | more)
    reasons = "".join(f", {reason} {n}" for reason, n in counts.reasons.items())
    _logger.info(
        f"{stage} {corpus}: {counts.rows_in:,} rows in, {counts.rows_out:,} out, {counts.rejected:,} rejected{reasons}"
    )


def open_executor() -> AbstractContextManager["Executor"]:
    """Return what works on the parts of a stage, as the section `compute` of params.yaml says.

    Imported by name, as above: no result depends on where it is made.

    Raises:
        ValueError: the variable of earlier versions is set.
    """
    if "MGM_PROCESSES" in os.environ:
        raise ValueError(
            f"environment variable MGM_PROCESSES: it is a setting now; expected compute.processes: "
            f"{os.environ['MGM_PROCESSES']} in {PARAMS}"
        )
    settings = importlib.import_module("mgm.settings.views.computing").ComputingSettings.load(warns=False)
    executor: AbstractContextManager[Executor] = importlib.import_module(
        "mgm.compute.ray_executor"
    ).open_executor(settings.compute, listed=partial(listed_hashes, DATA))
    return executor
