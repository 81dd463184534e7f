"""The dialect of an input: the ways of writing CSV, TSV and JSONL that a file does not tell by itself."""

import math
from dataclasses import dataclass, replace

from mgm.settings.corpora import CorpusSettings, FileSettings


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How text files are written; None: found in the file."""

    encoding: str | None = None
    separator: str | None = None
    """The character between cells."""
    quote: str | None = None
    """The character around cells; "": quotes are characters like others."""
    escape: str | None = None
    """The character that takes the meaning from the next one; None: there is none."""
    decimal: str = "."
    null_values: tuple[str, ...] = ()
    """Cells that are null, as empty ones are."""
    list_separator: str | None = None
    """The character between the labels of a list; None: lists are written as JSON."""
    max_unpacked: float = math.inf
    """The gigabytes (10^9 bytes) that a compressed or Parquet file may unpack to."""
    prefix: str = "corpora.X."
    """The begin of the settings' full names, in errors."""

    @classmethod
    def of(cls, settings: FileSettings, prefix: str) -> "Dialect":
        """Return the dialect that settings describe."""
        dialect = cls(
            encoding=settings.encoding,
            separator=settings.separator,
            quote=settings.quote,
            escape=settings.escape,
            prefix=prefix,
        )
        if not isinstance(settings, CorpusSettings):
            return dialect
        return replace(
            dialect,
            decimal=settings.decimal,
            null_values=tuple(settings.null_values),
            list_separator=settings.list_separator,
        )

    def setting(self, name: str) -> str:
        """Return the full name of a setting."""
        return f"{self.prefix}{name}"
