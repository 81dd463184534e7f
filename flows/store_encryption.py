"""The encryption that S3 is asked for, by one section of params.yaml: `storage`.

The tables of nights take it from variables, which their library reads, and DVC from the configuration of its remotes, which is
written here, since `dvc push` reads nothing else. Reading encrypted objects needs no setting.
"""

import configparser
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mgm.settings.core import PARAMS
from mgm.settings.scoring import StorageSettings
from mgm.settings.views.scoring import ScoringSettings

ALGORITHM, KEY = "AWS_SERVER_SIDE_ENCRYPTION", "AWS_SSE_KMS_KEY_ID"
"""The variables of the tables' library."""
S3 = "s3://"
_OPTIONS = ("sse", "sse_kms_key_id")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A remote of a project's DVC."""

    name: str
    url: str
    options: tuple[str | None, ...]
    """The values of `sse` and `sse_kms_key_id`."""
    is_local: bool
    """Whether it is in the configuration that is not committed."""


def set_variables(storage: StorageSettings) -> None:
    """Set the variables of the tables' library; nothing where the settings ask for nothing."""
    if storage.encryption is None:
        return
    os.environ[ALGORITHM] = storage.encryption
    if storage.kms_key is None:
        os.environ.pop(KEY, None)
    else:
        os.environ[KEY] = storage.kms_key


def read_remotes(root: Path = Path()) -> Iterator[Remote]:
    """Yield the remotes of a project's DVC, those that are not committed last."""
    for name, is_local in (("config", False), ("config.local", True)):
        config = configparser.ConfigParser(interpolation=None)
        config.read(root / ".dvc" / name, encoding="utf-8")
        for section in config.sections():
            kind, _, remote = section.strip("'").partition(" ")
            if kind == "remote":
                options = config[section]
                values = tuple(options.get(option) for option in _OPTIONS)
                yield Remote(
                    name=remote.strip('"'), url=options.get("url", ""), options=values, is_local=is_local
                )


def is_as_set(remote: Remote, storage: StorageSettings) -> bool:
    """Return whether a remote asks for the encryption of the settings, or is none of S3."""
    if storage.encryption is None or not remote.url.startswith(S3):
        return True
    return remote.options == (storage.encryption, storage.kms_key)


def set_remotes(root: Path = Path()) -> None:
    """Write the encryption of the settings into DVC's remotes of S3 where they have another one, and log it.

    Raises:
        ValueError: the settings cannot be read, or DVC refuses.
    """
    others = [remote for remote in read_remotes(root) if remote.url.startswith(S3)]
    if not others or not (root / PARAMS).is_file():
        return
    storage = ScoringSettings.load(root / PARAMS, warns=False).storage
    for remote in others:
        if is_as_set(remote, storage):
            continue
        for option, old, new in zip(
            _OPTIONS, remote.options, (storage.encryption, storage.kms_key), strict=True
        ):
            if old != new:
                _modify(root, remote, option=option, value=new)
        _log.info(
            "DVC's remote %s: S3 is asked for %s from now on, as %s's storage.encryption says; commit .dvc/config",
            remote.name,
            storage.encryption,
            PARAMS,
        )


def _modify(root: Path, remote: Remote, *, option: str, value: str | None) -> None:
    command = [sys.executable, "-m", "dvc", "remote", "modify", *(["--local"] if remote.is_local else [])]
    command += [remote.name, option, *(["--unset"] if value is None else [value])]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode != 0:
        raise ValueError(f"DVC's remote {remote.name}: {option} cannot be set: {done.stderr.strip()}")
