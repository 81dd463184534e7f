"""Errors about files that are missing or altered, and packages that are missing; `flows` adds the command to run."""

from pathlib import Path


class MissingInput(FileNotFoundError):
    """A file that another step makes is not there.

    Args:
        path: the file or folder; several are joined by commas.
        problem: the rest of the message, such as "no predictions".
        made_by: the stage that makes it, as dvc.yaml names it, or "study".
    """

    def __init__(self, path: Path | str, problem: str, *, made_by: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.made_by = made_by


class StaleInput(ValueError):
    """A file was made from other data or settings than those of now; the arguments are those of `MissingInput`."""

    def __init__(self, path: Path | str, problem: str, *, made_by: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.made_by = made_by


class AlteredInput(ValueError):
    """A file between two steps is not the one that was written.

    Args:
        path: the file.
        problem: the rest of the message, with what was found and expected.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(path, problem)  # both, since an error of another process is made again from these
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        """Return the message."""
        return f"{self.path}: {self.problem}"


class MissingKey(ValueError):
    """A file is sealed, and no key that opens it is set."""


class MissingExtra(ValueError):
    """A package that is not installed is needed.

    Args:
        problem: the message.
        extra: the extra of pyproject.toml that installs it.
    """

    def __init__(self, problem: str, *, extra: str) -> None:
        super().__init__(problem)
        self.extra = extra
