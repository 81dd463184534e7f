"""The folder of a project: found from any folder in it, as Git finds a repository.

A command works in the project's folder, so that its tables and reports lie in one place. Paths that are given on the command line
are relative to the folder where the user stands.
"""

import functools
import logging
import os
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

SETTINGS, STAGES = "params.yaml", "dvc.yaml"
_log = logging.getLogger(__name__)
T = TypeVar("T")


class Place:
    """A mark of a text parameter that is a path or an address.

    Args:
        if_exists: whether it is a path only where something is there, and a text otherwise.
        unless: the name of another parameter that, when true, makes it a text.
    """

    def __init__(self, *, if_exists: bool = False, unless: str | None = None) -> None:
        self.if_exists, self.unless = if_exists, unless


def find_root(folder: Path) -> Path | None:
    """Return the nearest folder with settings, from this one upwards; without any, the nearest with stages, or None."""
    folders = [folder, *folder.parents]
    for name in (SETTINGS, STAGES):
        for candidate in folders:
            if (candidate / name).is_file():
                return candidate
    return None


def in_project(command: Callable[..., T]) -> Callable[..., T]:
    """Return a command that works in the folder of the project where there is one, with its paths relative to that folder.

    Its parameters of the type Path are paths, and those that are marked as a `Place`.
    """

    @functools.wraps(command)
    def in_root(**arguments: Any) -> T:
        here = Path.cwd()
        root = find_root(here)
        if root is None or root == here:
            return command(**arguments)
        _log.info("project: %s", os.path.relpath(root))
        marks = {name: mark for name, mark in _marks(command).items() if not arguments.get(mark.unless or "")}
        moved = {
            name: _move(value, marks.get(name), here=here, root=root) for name, value in arguments.items()
        }
        with chdir(root):
            return command(**moved)

    return in_root


def _marks(command: Callable[..., object]) -> dict[str, Place]:
    hints = get_type_hints(command, include_extras=True)
    return {
        name: mark
        for name, hint in hints.items()
        for mark in getattr(hint, "__metadata__", ())
        if isinstance(mark, Place)
    }


def _move(value: Any, mark: Place | None, *, here: Path, root: Path) -> Any:
    """Return a parameter's value with the paths in it relative to `root` in place of `here`; absolute ones stay."""
    if isinstance(value, list):
        return [_move(item, mark, here=here, root=root) for item in value]
    is_path = isinstance(value, Path) or (isinstance(value, str) and mark is not None)
    if not is_path or os.path.isabs(value) or "://" in str(value):
        return value
    if mark is not None and mark.if_exists and not _exists(value):
        return value
    return type(value)(os.path.relpath(here / value, root))


def _exists(path: str) -> bool:
    try:
        return bool(path) and Path(path).exists()
    except (OSError, ValueError):  # longer than a path may be, or with a null character
        return False
