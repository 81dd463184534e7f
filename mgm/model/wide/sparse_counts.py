"""Sparse counts of the features of documents.

Axes: B documents, N words of them, T distinct words, F distinct features of all documents, M occurrences of features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from mgm.model.batch import Batch
from mgm.model.ragged import Ragged


@dataclass(frozen=True)
class SparseCounts:
    """The features of B documents, one document after another.

    Attributes:
        item: (F,) the feature, each once a document; the order depends on the document alone.
        count: (F,) the number of its occurrences in the document.
        start: (B,) the position of each document's first feature.
    """

    item: Tensor
    count: Tensor
    start: Tensor

    @cached_property
    def document(self) -> Tensor:
        """(F,) the document of each feature."""
        return Ragged(self.item, self.length).row

    @property
    def length(self) -> Tensor:
        """(B,) the number of features of each document."""
        return torch.cat([self.start, self.start.new_full((1,), self.item.numel())]).diff()

    @classmethod
    def of(cls, items: Tensor, document: Tensor, *, num_documents: int, size: int) -> "SparseCounts":
        """Return the counts of occurrences.

        Args:
            items: (M,) features, each below `size`.
            document: (M,) the document of each.
            num_documents: the number of documents.
            size: the number of features.
        """
        bits = (size - 1).bit_length()
        key, count = _counted((document << bits) | items)
        start = torch.searchsorted(key, torch.arange(num_documents, device=key.device) << bits)
        return cls(key & ((1 << bits) - 1), count.float(), start)

    @classmethod
    def of_words(cls, items: Ragged, words: Ragged, *, size: int) -> "SparseCounts":
        """Return the counts of features in documents, from the `items` of T distinct words and the `words` (N,) of documents.

        Every item is below `size`.
        """
        if words.values.device.type != "cpu":
            occurring = items.take(words.values)
            document = torch.repeat_interleave(
                words.row, occurring.length, output_size=occurring.values.numel()
            )
            return cls.of(occurring.values, document, num_documents=words.length.numel(), size=size)
        # The product of the counts of words in documents and of items in words is several times as fast as sorting.
        counts = _counts(words, items.length.numel()) @ _counts(items, size)
        return cls(
            torch.from_numpy(counts.indices.astype(np.int64)),
            torch.from_numpy(counts.data),
            torch.from_numpy(counts.indptr[:-1].astype(np.int64)),
        )

    @classmethod
    def merged(cls, first: "SparseCounts", second: "SparseCounts", *, is_second: Tensor) -> "SparseCounts":
        """Return the counts of the documents of both, in the order of `is_second` (B,), which tells whose document each is."""
        parts = (first, second)
        row = torch.empty(is_second.numel(), dtype=torch.int64, device=is_second.device)
        row[~is_second] = torch.arange(first.start.numel(), device=row.device)
        row[is_second] = first.start.numel() + torch.arange(second.start.numel(), device=row.device)
        length = torch.cat([part.length for part in parts])
        items = Ragged(torch.cat([part.item for part in parts]), length).take(row)
        counts = Ragged(torch.cat([part.count for part in parts]), length).take(row)
        return cls(items.values, counts.values, items.start)


def _counts(rows: Ragged, columns: int) -> csr_array:
    """Return the count of each value below `columns` in each row."""
    index = np.int32 if max(rows.values.numel(), columns) < 1 << 31 else np.int64
    first = np.concatenate([rows.start.numpy(), [rows.values.numel()]]).astype(index)
    ones = np.ones(rows.values.numel(), dtype=np.float32)
    return csr_array((ones, rows.values.numpy().astype(index), first), shape=(len(first) - 1, columns))


def _counted(keys: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distinct keys, ascending, and the count of each."""
    if keys.device.type != "cpu":
        return keys.unique(return_counts=True)
    # NumPy sorts with vector instructions, several times as fast as torch
    ordered = np.sort(keys.numpy())
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
    count = np.diff(first, append=len(ordered))
    return torch.from_numpy(ordered[first]), torch.from_numpy(count)


@dataclass(frozen=True)
class Occurrences:
    """Occurrences of features: `item` (M,), and the `first` and `last` (M,) of the batch's N words that each covers."""

    item: Tensor
    first: Tensor
    last: Tensor

    @classmethod
    def joined(cls, parts: Sequence["Occurrences"]) -> "Occurrences":
        """Return all occurrences of the parts."""
        return cls(
            torch.cat([part.item for part in parts]),
            torch.cat([part.first for part in parts]),
            torch.cat([part.last for part in parts]),
        )

    def count_by_document(self, batch: Batch, size: int) -> SparseCounts:
        """Return the counts of each document of the batch."""
        return SparseCounts.of(self.item, batch.document[self.first], num_documents=batch.size, size=size)
