"""The tokens of a corpus and the marks of their content words, read as one table."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from mgm.corpus.parts import MANIFEST, Part, read_manifest, read_part, read_parts
from mgm.corpus.progress import progress
from mgm.errors import StaleInput


@dataclass(frozen=True, kw_only=True)
class TokenTable:
    """The tokens of a corpus in one folder, and which of their words carry content in another."""

    tokens: Path
    content: Path

    @property
    def corpus(self) -> str:
        """The corpus, whose name the folders have."""
        return self.tokens.name

    def read(self, columns: list[str], description: str) -> Iterator[pl.DataFrame]:
        """Yield some columns of the tokens part by part; `description` names the progress."""
        num_parts = len(read_manifest(self.tokens).parts)
        yield from progress(read_parts(self.tokens, columns), f"{description} {self.corpus}", total=num_parts)

    def parts(self) -> list[Part]:
        """Return the parts of the tokens."""
        return read_manifest(self.tokens).parts

    def parts_with_content(self) -> list[tuple[Part, Part]]:
        """Return the parts of the tokens, each with that of its marks.

        Raises:
            StaleInput: the marks were made from other tokens.
        """
        parts, marks = self.parts(), read_manifest(self.content).parts
        if [part.sha256 for part in parts] != [part.input_sha256 for part in marks]:
            raise StaleInput(
                self.content / MANIFEST, f"not made from the present {self.tokens}", made_by="stopwords"
            )
        return list(zip(parts, marks, strict=True))

    def read_with_content(self, part: Part, *, marks: Part) -> pl.DataFrame:
        """Return a part of the tokens with its column `content`."""
        content = read_part(self.content, marks)["content"]
        return read_part(self.tokens, part).with_columns(content)
