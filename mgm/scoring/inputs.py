"""What comes in to be scored, checked as a whole before the first document is: columns, types, UTF-8, unique
ids."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from mgm.corpus.readers import InputFile, Source, pieces, read_batches


@dataclass(frozen=True)
class Inputs:
    """Documents, in whatever form and place the readers know, and the names of their two columns that
    count."""

    source: Source
    doc_id: str = "doc_id"
    text: str = "text"

    def check(self, rows: int) -> int:
        """The number of documents. Reads everything once, batch by batch; memory: 8 bytes a document for
        the ids' hashes.

        Raises:
            FileNotFoundError: nothing is there.
            ValueError: names file, row and column of what is wrong: a missing column, another type, invalid
                UTF-8, a
                missing or repeated doc_id.
        """
        hashes = [pl.Series("doc_id", [], dtype=pl.UInt64)]
        for piece in pieces(self.source):
            first = 1
            for frame in self.read(piece, rows):
                missing = frame["doc_id"].is_null().arg_true()
                if len(missing):
                    where = f"{piece}: row {first + missing[0]}, column {self.doc_id!r}"
                    raise ValueError(f"{where}: no value; expected a unique id")
                hashes.append(frame["doc_id"].hash())
                first += frame.height
        ids = pl.concat(hashes)
        repeated = ids.filter(ids.is_duplicated()).unique()
        if len(repeated):
            self._raise_repeated(repeated, rows)
        return len(ids)

    def pieces(self) -> list[tuple[Source, str]]:
        """Where rows are counted from the first on, each with its name: below the input's folder, or the file's."""
        return [
            (piece, piece.relative if isinstance(piece, InputFile) else Path(str(piece)).name)
            for piece in pieces(self.source)
        ]

    def read(self, source: Source, rows: int) -> Iterator[pl.DataFrame]:
        """doc_id and text in the order of the files' paths, `rows` rows at a time, fewer where texts are very long; only
        the rows themselves and their order decide where a batch ends. `source`: all, or one of the pieces."""
        columns = {self.doc_id: pl.String(), self.text: pl.String()}
        for frame in read_batches(source, columns, rows, strict=(self.text,)):
            yield frame.select(pl.col(self.doc_id).alias("doc_id"), pl.col(self.text).alias("text"))

    def _raise_repeated(self, hashes: pl.Series, rows: int) -> None:
        """Reads once more to say where; two ids of one hash that differ are no repetition."""
        seen: dict[str, str] = {}
        for piece in pieces(self.source):
            first = 1
            for frame in self.read(piece, rows):
                ids = frame["doc_id"]
                for row in ids.hash().is_in(hashes.implode()).arg_true():
                    where = f"{piece}, row {first + row}"
                    if ids[row] in seen:
                        raise ValueError(
                            f"{where}, column {self.doc_id!r}: {ids[row]!r} stands already in "
                            f"{seen[ids[row]]}; expected each id once"
                        )
                    seen[ids[row]] = where
                first += frame.height
