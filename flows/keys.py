"""The keys of the bundles' signatures: paths in the environment, since a machine has keys and a project has not."""

import os
from pathlib import Path

SIGNING_KEY = "MGM_SIGNING_KEY"
"""The private key's file: `mgm promote` signs what it stores."""
VERIFY_KEY = "MGM_VERIFY_KEY"
"""The public key's file: a bundle whose signature it does not verify is not scored with."""


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
