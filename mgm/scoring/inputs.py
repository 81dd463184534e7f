"""The documents of a night as they come in: rows of doc_id and text, read batch by batch and checked as a whole."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from mgm.corpus.readers import (
    Dialect,
    InputFile,
    MissingColumn,
    Source,
    UnpacksTooLarge,
    read_batches,
    split_source,
)
from mgm.corpus.repeated_ids import IdHashes, hash_ids


@dataclass(frozen=True)
class Inputs:
    """Documents in any form and place that the readers know, with the names of their id column and text column."""

    source: Source
    doc_id: str = "doc_id"
    text: str = "text"
    dialect: Dialect = field(default_factory=Dialect)
    """How the files are written, as far as they do not tell it."""

    def check(self, rows: int) -> int:
        """Read everything once, `rows` rows at a time, and return the number of documents.

        Memory: that of `IdHashes`.

        Raises:
            FileNotFoundError: nothing is there.
            ValueError: a missing column, another type, invalid UTF-8, a missing or repeated doc_id; names file, row and
                column.
        """
        hashes = IdHashes()
        for piece in split_source(self.source):
            first = 1
            for frame in self.read(piece, rows):
                missing = frame["doc_id"].is_null().arg_true()
                if len(missing):
                    where = f"{piece}: row {first + missing[0]}, column {self.doc_id!r}"
                    raise ValueError(f"{where}: no value; expected a unique id")
                hashes.add(frame["doc_id"])
                first += frame.height
        repeated = hashes.repeated()
        if len(repeated):
            self._raise_repeated(repeated, rows)
        return len(hashes)

    def pieces(self) -> list[tuple[Source, str]]:
        """Return the pieces within which rows are counted, each with its name below the input's folder, or its file name."""
        return [
            (piece, piece.relative if isinstance(piece, InputFile) else Path(str(piece)).name)
            for piece in split_source(self.source)
        ]

    def read(self, source: Source, rows: int) -> Iterator[pl.DataFrame]:
        """Yield doc_id and text in the order of the files' paths, `rows` rows at a time, fewer where texts are very long.

        The end of a batch depends on the rows and their order alone.

        Args:
            source: the whole source, or one of the pieces.
        """
        columns = {self.doc_id: pl.String(), self.text: pl.String()}
        try:
            for frame in read_batches(source, columns, rows=rows, strict=(self.text,), dialect=self.dialect):
                yield frame.select(pl.col(self.doc_id).alias("doc_id"), pl.col(self.text).alias("text"))
        except MissingColumn as error:
            setting = self.dialect.setting("id" if error.column == self.doc_id else "text_column")
            raise ValueError(f"{error}; {setting} names another") from error
        except UnpacksTooLarge as error:
            raise UnpacksTooLarge(f"{error}; score.max_unpacked allows more") from error

    def _raise_repeated(self, hashes: pl.Series, rows: int) -> None:
        """Read once more to name the place of a repeated id; two different ids of one hash are no repetition."""
        places: dict[str, str] = {}
        for piece in split_source(self.source):
            first = 1
            for frame in self.read(piece, rows):
                ids = frame["doc_id"]
                for row in hash_ids(ids).is_in(hashes.implode()).arg_true():
                    place = f"{piece}, row {first + row}"
                    if ids[row] in places:
                        raise ValueError(
                            f"{place}, column {self.doc_id!r}: {ids[row]!r} stands already in "
                            f"{places[ids[row]]}; expected each id once"
                        )
                    places[ids[row]] = place
                first += frame.height
