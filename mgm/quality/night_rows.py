"""A night's raw documents as the gate before scoring needs them, gathered batch by batch while another pass reads them.

The sample are the documents with the lowest hashes of their ids, so that an order by time or place in the input cannot
bias it; it does not depend on the batches.

Memory: the sample's texts. The documents' ids and lengths lie on disk (spilled_rows.py).
"""

from collections.abc import Iterator

import polars as pl

from mgm.quality.frame import SHOWN_ROWS, copy_rows
from mgm.quality.spilled_rows import SpilledRows
from mgm.settings.gates import NightGate


class HashSample:
    """Keeps the documents with the lowest hashes of their ids, as many as both limits allow, and one at least."""

    def __init__(self, *, max_documents: int, max_bytes: int) -> None:
        """Begin without any document; the bytes are those of the texts in UTF-8."""
        self._max_documents, self._max_bytes = max_documents, max_bytes
        self._rows = pl.DataFrame(
            schema={"doc_id": pl.String, "text": pl.String, "hash": pl.UInt64, "row": pl.Int64}
        )
        self._num_seen = 0
        self._hash_limit: int | None = None

    def add(self, frame: pl.DataFrame) -> None:
        """Add a batch: doc_id, text."""
        row = pl.int_range(self._num_seen, self._num_seen + frame.height, dtype=pl.Int64)
        self._num_seen += frame.height
        batch = frame.select("doc_id", "text", hash=pl.col("doc_id").hash(), row=row)
        if self._hash_limit is not None:
            batch = copy_rows(batch.filter(pl.col("hash") < self._hash_limit))
        rows = pl.concat([self._rows, batch]).sort("hash", "row")
        size = rows["text"].str.len_bytes().fill_null(0).cum_sum()
        place = pl.int_range(rows.height, eager=True)
        kept = (place < self._max_documents) & ((size <= self._max_bytes) | (place == 0))
        # A document that is left out now would be left out later too, and so would all of higher hashes.
        if not kept.all():
            self._hash_limit = rows["hash"].filter(~kept)[0]
        self._rows = rows.filter(kept)

    def batches(self, batch_size: int) -> Iterator[pl.DataFrame]:
        """Return the sample in the order of the input."""
        return self._rows.sort("row").select("doc_id", "text").iter_slices(batch_size)

    def __len__(self) -> int:
        return self._rows.height


class NightRows:
    """Gathers every document's id and length, those that are blank, and the sample."""

    def __init__(self, settings: NightGate) -> None:
        """Begin without any document."""
        self.sample = HashSample(max_documents=settings.sample, max_bytes=settings.sample_megabytes << 20)
        self.num_blank = 0
        self.blank_ids = pl.Series("doc_id", [], dtype=pl.String)
        """The ids of the first blank documents."""
        schema = {"row": pl.get_index_type(), "doc_id": pl.String(), "text_characters": pl.UInt32()}
        self.documents = SpilledRows(pl.Schema(schema))
        """The number (from 0), id and length of every document."""

    def add(self, frame: pl.DataFrame) -> None:
        """Add a batch: doc_id, text."""
        self.sample.add(frame)
        narrow = frame.select("doc_id", pl.col("text").str.len_chars().alias("text_characters"))
        self.documents.add(narrow.with_row_index("row", self.documents.height))
        blank = frame["doc_id"].filter((frame["text"].str.strip_chars().str.len_bytes() == 0).fill_null(True))
        self.num_blank += len(blank)
        if len(self.blank_ids) < SHOWN_ROWS:
            self.blank_ids = self.blank_ids.extend(blank).head(SHOWN_ROWS)
