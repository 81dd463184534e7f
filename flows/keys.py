"""The keys of the bundles: paths in the environment, since a machine has keys and a project has not."""

import os
import shlex
import subprocess
from functools import cache
from pathlib import Path

from mgm.bundle.sealing import SealingKey

SIGNING_KEY = "MGM_SIGNING_KEY"
"""The private key's file: `mgm promote` signs what it stores."""
VERIFY_KEY = "MGM_VERIFY_KEY"
"""The public key's file: a bundle whose signature it does not verify is not scored with."""

ENCRYPTION_KEY = "MGM_ENCRYPTION_KEY"
"""The file of the key that seals and opens bundles, or `command:` and a command that prints it."""
_COMMAND = "command:"
_COMMAND_SECONDS = 60


def signing_key() -> Path | None:
    """Return the private key's file, or None: bundles are not signed.

    Raises:
        FileNotFoundError: the variable names no file.
    """
    return _path(SIGNING_KEY)


def verify_key() -> Path | None:
    """Return the public key's file, or None: signatures are not required.

    Raises:
        FileNotFoundError: the variable names no file.
    """
    return _path(VERIFY_KEY)


def encryption_key() -> SealingKey | None:
    """Return the key that seals and opens bundles, or None: they are stored in the clear.

    Raises:
        FileNotFoundError: the variable names no file, or a command that is not there.
        MissingExtra: the extra `encrypt` is not installed.
        ValueError: the command fails, or there is no key in what it prints or in the file.
    """
    value = os.environ.get(ENCRYPTION_KEY)
    return read_encryption_key(value, f"environment variable {ENCRYPTION_KEY}") if value else None


@cache
def read_encryption_key(value: str, where: str) -> SealingKey:
    """Return the key of a file, or of `command:` and a command that prints it; a command is run once in a process.

    Args:
        value: the file or the command.
        where: what gave it, for messages.

    Raises:
        See `encryption_key`.
    """
    if not value.startswith(_COMMAND):
        path = Path(value).expanduser()
        if not path.is_file():
            raise FileNotFoundError(
                f"{where}: {path}: no such file; expected a key of age, or {_COMMAND} and a command that prints it"
            )
        return SealingKey.load(path)
    command = value.removeprefix(_COMMAND)
    try:
        arguments = shlex.split(command)
        done = subprocess.run(
            arguments, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=_COMMAND_SECONDS, check=False
        )
    except (OSError, ValueError, IndexError) as error:
        raise ValueError(f"{where}: {command!r}: cannot be run: {error}") from error
    except subprocess.TimeoutExpired:
        raise ValueError(f"{where}: {command!r}: no key within {_COMMAND_SECONDS} s") from None
    if done.returncode != 0:
        raise ValueError(
            f"{where}: {command!r}: exit code {done.returncode}; expected a key of age on stdout"
        )
    return SealingKey.parse(done.stdout.decode(errors="replace"), f"{where}: the output of {command!r}")


def _path(variable: str) -> Path | None:
    value = os.environ.get(variable)
    if not value:
        return None
    path = Path(value).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"environment variable {variable}: {path}: no such file; expected a key in PEM"
        )
    return path
