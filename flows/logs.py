"""The log of commands and stages: the loggers of `mgm` and `flows`, a line a message on stderr.

`mgm -v` and `mgm -q` set its level for themselves and, by an environment variable, for the processes that they start.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LEVEL = "MGM_LOG_LEVEL"
"""The variable with the level's name: DEBUG, INFO or WARNING."""
LEVELS = ("DEBUG", "INFO", "WARNING")
LOGGERS = ("mgm", "flows", "__main__")  # a stage is run as __main__


def set_level(level: str) -> None:
    """Set the level of this process's log, and of the logs of the processes that it starts, Prefect's included.

    Prefect reads its variable when it is imported; one that the user has set stays.
    """
    os.environ[LEVEL] = level
    for name in LOGGERS:
        logging.getLogger(name).setLevel(level)
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", level)


@contextmanager
def on_stderr() -> Iterator[None]:
    """Write the log to stderr while the context is open.

    Raises:
        ValueError: the variable is no level.
    """
    level = os.environ.get(LEVEL, "INFO")
    if level not in LEVELS:
        raise ValueError(f"environment variable {LEVEL}: {level!r}: expected {', '.join(LEVELS)}")
    handler = _StderrHandler()
    handler.setFormatter(_Formatter("%(message)s"))
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(level)
        logger.propagate = False  # Prefect's handler of the root logger would print each line again
    try:
        yield
    finally:
        for logger, (old_level, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(old_level)
            logger.propagate = propagate


class _StderrHandler(logging.Handler):
    """A handler that writes to the stderr of now, which a test may have replaced, and above a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        from tqdm import tqdm

        try:
            tqdm.write(self.format(record), file=sys.stderr)
            sys.stderr.flush()
        except Exception:
            self.handleError(record)


class _Formatter(logging.Formatter):
    """A warning or an error begins with its level; other messages stand alone."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        text = super().format(record)
        return f"{record.levelname.lower()}: {text}" if record.levelno >= logging.WARNING else text
