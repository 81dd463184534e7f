"""Errors of the library in the words of whoever runs it: with the command that makes what is missing."""

from mgm.errors import MissingInput, StaleInput

_COMMANDS = {"study": "make study"}


def message(error: Exception) -> str:
    """Return an error's message, followed by the command that makes a missing or stale file."""
    if isinstance(error, MissingInput | StaleInput):
        command = _COMMANDS.get(error.made_by, f"dvc repro {error.made_by}")
        return f"{error}; run `{command}`"
    return str(error)
