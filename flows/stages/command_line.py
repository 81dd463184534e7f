"""The command line that all stages share: arguments, errors in one line, statistics."""

import importlib
import inspect
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from flows import lock, logs, supervision
from flows.errors import exit_status
from flows.exit_codes import DONE
from flows.project import STAGES
from mgm.corpus.parts import Counts
from mgm.files import write_json

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


def num_processes() -> int:
    """Return the number of processes of stages that work part by part: the variable MGM_PROCESSES, else one.

    It is no setting of params.yaml, since it changes no result.

    Raises:
        ValueError: the variable is not a number from 1 on.
    """
    text = os.environ.get("MGM_PROCESSES", "1")
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"environment variable MGM_PROCESSES: {text!r}: expected a number from 1 on")
    return int(text)
