"""What the gate before scoring remembers of a night's raw documents, batch by batch, while somebody else reads them.

The sample are the documents with the lowest hashes of their ids, so that an order by time or place in the input cannot
make it one-sided; the same documents whatever the batches.

Memory: about 0.1 GB a million documents; the sample's texts.
"""

from collections.abc import Iterator

import polars as pl

from mgm.settings.gates import NightGate

_SHOWN = 10


class Sample:
    """Keeps the documents with the lowest hashes of their ids: at most so many, and so many bytes of text."""

    def __init__(self, documents: int, size: int) -> None:
        self._documents, self._bytes = documents, size
        self._rows = pl.DataFrame(
            schema={"doc_id": pl.String, "text": pl.String, "hash": pl.UInt64, "row": pl.Int64}
        )
        self._seen = 0
        self._above: int | None = None

    def add(self, frame: pl.DataFrame) -> None:
        """Adds a batch: doc_id, text."""
        row = pl.int_range(self._seen, self._seen + frame.height, dtype=pl.Int64)
        self._seen += frame.height
        fresh = frame.select("doc_id", "text", hash=pl.col("doc_id").hash(), row=row)
        if self._above is not None:
            fresh = fresh.filter(pl.col("hash") < self._above)
        rows = pl.concat([self._rows, fresh]).sort("hash", "row")
        size = rows["text"].str.len_bytes().fill_null(0).cum_sum()
        place = pl.int_range(rows.height, eager=True)
        kept = (place < self._documents) & ((size <= self._bytes) | (place == 0))
        # What is left out now would be left out later too, and so would all above it: more can only come below.
        if not kept.all():
            self._above = rows["hash"].filter(~kept)[0]
        self._rows = rows.filter(kept)

    def batches(self, rows: int) -> Iterator[pl.DataFrame]:
        """The sample in the order of the input."""
        return self._rows.sort("row").select("doc_id", "text").iter_slices(rows)

    def __len__(self) -> int:
        return self._rows.height


class NightRows:
    """Every document's id and length, those that are blank, and the sample."""

    def __init__(self, settings: NightGate) -> None:
        self.sample = Sample(settings.sample, settings.sample_megabytes << 20)
        self.blank = 0
        self.blanks = pl.Series("doc_id", [], dtype=pl.String)
        """The ids of the first ones."""
        self._documents = [pl.DataFrame(schema={"doc_id": pl.String, "text_characters": pl.UInt32})]

    def add(self, frame: pl.DataFrame) -> None:
        """Adds a batch: doc_id, text."""
        self.sample.add(frame)
        self._documents.append(
            frame.select("doc_id", pl.col("text").str.len_chars().alias("text_characters"))
        )
        empty = frame["doc_id"].filter((frame["text"].str.strip_chars().str.len_bytes() == 0).fill_null(True))
        self.blank, self.blanks = self.blank + len(empty), self.blanks.extend(empty).head(_SHOWN)

    def documents(self) -> pl.DataFrame:
        """row (from 0), doc_id, text_characters."""
        return pl.concat(self._documents).with_row_index("row")
