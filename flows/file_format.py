"""What a file does not tell about itself, as options of a command: the settings of `corpora` for one run."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from mgm.corpus.readers import Dialect
from mgm.settings.corpora import CorpusSettings, FileSettings

PREFIX = "--"
"""The begin of the options' names, which errors of readers show."""


@dataclass(frozen=True, kw_only=True)
class FileFormat:
    """The options of a command that reads files; None: as the corpus has it, or the file tells it."""

    encoding: str | None = None
    separator: str | None = None
    quote: str | None = None
    escape: str | None = None
    decimal: str | None = None
    null_values: list[str] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that are given, by name; a tab may be written as a backslash and a t."""
        return {
            name: "\t" if value == "\\t" else value for name, value in vars(self).items() if value is not None
        }

    def dialect(self, base: FileSettings | None = None) -> Dialect:
        """Return how files are written: as the options say, and where they say nothing as `base` does.

        Raises:
            ValueError: an option has a wrong value.
        """
        base = base or CorpusSettings()
        try:
            settings = type(base).model_validate(base.model_dump() | self.settings)
        except ValidationError as error:
            problem = error.errors()[0]
            expected = problem["msg"].removeprefix("Value error, ")
            name = str(problem["loc"][0]).replace("_", "-")
            raise ValueError(f"{PREFIX}{name} {problem['input']!r}: {expected}") from error
        return Dialect.of(settings, PREFIX)
