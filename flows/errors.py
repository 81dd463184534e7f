"""The library's errors as a user needs them: with the command that makes the missing file."""

import sys
from collections.abc import Callable
from pathlib import Path

from mgm.errors import AlteredInput, MissingExtra, MissingInput, MissingKey, StaleInput
from mgm.settings.renamed import RenamedSettings

_COMMANDS = {"study": "mgm study"}
_EXTRAS = {
    "optuna": "tune",
    "ray": "ray",
    "torchjd": "jd",
    "model_signing": "sign",
    "dvc_s3": "s3",
    "icu4py": "icu",
    "pyrage": "encrypt",
    "spacy": "spacy",
    "fastapi_offline": "serve",
}
"""Modules that an extra of pyproject.toml installs."""


class CommandFailed(RuntimeError):
    """A command has refused, or failed at, its work for a reason that is no fault of the code; the message is for its user."""


def command_for(made_by: str) -> str:
    """Return the command that runs a stage of dvc.yaml, or the study."""
    return _COMMANDS.get(made_by, f"mgm run {made_by}")


def install_command(extra: str) -> str:
    """Return the command that installs an extra: in a clone as its Makefile does, elsewhere from the package index."""
    is_clone = (Path(__file__).parents[1] / "requirements.lock").is_file()
    return f"pip install -c requirements.lock -e '.[{extra}]'" if is_clone else f"pip install 'mgm[{extra}]'"


def message(error: Exception) -> str:
    """Return an error's message, followed by the command that makes, renames or installs the missing thing."""
    if isinstance(error, MissingInput | StaleInput):
        return f"{error}; run `{command_for(error.made_by)}`"
    if isinstance(error, AlteredInput):
        return f"{error}; run `mgm run`, which makes it again"
    if isinstance(error, MissingExtra):
        return f"{error}; run `{install_command(error.extra)}`"
    if isinstance(error, MissingKey):
        return f"{error}; set MGM_ENCRYPTION_KEY to its file"
    if isinstance(error, RenamedSettings):
        return f"{error}\nrun `mgm migrate params.yaml`"
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        # Python's own words begin with the number of the error
        return f"{error.filename}: {error.strerror[:1].lower()}{error.strerror[1:]}"
    return str(error)


def exit_status(command: Callable[[], int | None]) -> int:
    """Run a command and return its exit status; an error that is no fault of the code is printed without a trace, and is status 1."""
    try:
        return command() or 0
    except (ValueError, OSError, CommandFailed) as error:
        print(f"error: {message(error)}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            raise
        missing = MissingExtra(f"{error.name} is not installed", extra=_EXTRAS[error.name])
        print(f"error: {message(missing)}", file=sys.stderr)
        return 1
