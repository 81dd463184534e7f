"""The newest pointer to a champion that this machine has seen, by key and project: an older one is refused, however well it is signed.

It lies outside of the project, where whoever can write the project cannot put it back.
"""

import logging
import os
from pathlib import Path
from typing import Any

from mgm.bundle.signing import key_fingerprint
from mgm.files import fingerprint, read_json, write_json

STATE_HOME = "XDG_STATE_HOME"
_FOLDER = Path("mgm", "champions")
_log = logging.getLogger(__name__)


def newest_counter(root: Path, *, public_key: Path) -> int:
    """Return the highest counter of a pointer of this project that was verified with this key; 0: there was none.

    Raises:
        ValueError: the file of this memory is damaged.
    """
    path = memory_path(root, public_key=public_key)
    if not path.is_file():
        return 0
    try:
        content: Any = read_json(path)
        return int(content["counter"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not the memory of a champion's counter: {error!r}") from error


def remember_counter(counter: int, root: Path, *, public_key: Path) -> None:
    """Remember the counter of a pointer that was verified; where that is not possible, log why."""
    path = memory_path(root, public_key=public_key)
    try:
        write_json(path, {"counter": counter, "project": str(root.resolve())})
    except OSError as error:
        _log.warning("%s: cannot be written, so that an older champion would not be noticed: %s", path, error)


def memory_path(root: Path, *, public_key: Path) -> Path:
    """Return the file of this machine that remembers the counter of a project's champion."""
    home = os.environ.get(STATE_HOME)
    state = Path(home) if home else Path("~/.local/state").expanduser()
    name = fingerprint([key_fingerprint(public_key), str(root.resolve())])
    return state / _FOLDER / f"{name}.json"
