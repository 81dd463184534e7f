"""What documents hold, each thing once, with how often.

Axes: B documents, N words of them, T distinct words, F things of all documents, M places of things.
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
    """What B documents hold, one after another: `item` (F,), how often `count` (F,), from `start` (B,) on."""

    item: Tensor
    count: Tensor
    start: Tensor

    @cached_property
    def document(self) -> Tensor:
        """(F,)"""
        length = torch.cat([self.start, self.start.new_full((1,), self.item.numel())]).diff()
        return Ragged(self.item, length).row

    @classmethod
    def of(cls, items: Tensor, document: Tensor, documents: int, size: int) -> "SparseCounts":
        """Of `items` (M,) below `size`, each of a `document` (M,); those of a document ascend."""
        bits = (size - 1).bit_length()
        key, count = _counted((document << bits) | items)
        start = torch.searchsorted(key, torch.arange(documents, device=key.device) << bits)
        return cls(key & ((1 << bits) - 1), count.float(), start)

    @classmethod
    def of_words(cls, items: Ragged, words: Ragged, size: int) -> "SparseCounts":
        """Of the `items` of each of T distinct words, below `size`, and the `words` (N,) of each document."""
        if words.values.device.type != "cpu":
            found = items.take(words.values)
            document = torch.repeat_interleave(words.row, found.length, output_size=found.values.numel())
            return cls.of(found.values, document, words.length.numel(), size)
        # the product of how often documents hold words, and words items: several times as fast as sorting
        held = _counts(words, items.length.numel()) @ _counts(items, size)
        return cls(
            torch.from_numpy(held.indices.astype(np.int64)),
            torch.from_numpy(held.data),
            torch.from_numpy(held.indptr[:-1].astype(np.int64)),
        )


def _counts(rows: Ragged, columns: int) -> csr_array:
    """How often each row holds each of so many things."""
    index = np.int32 if max(rows.values.numel(), columns) < 1 << 31 else np.int64
    first = np.concatenate([rows.start.numpy(), [rows.values.numel()]]).astype(index)
    ones = np.ones(rows.values.numel(), dtype=np.float32)
    return csr_array((ones, rows.values.numpy().astype(index), first), shape=(len(first) - 1, columns))


def _counted(keys: Tensor) -> tuple[Tensor, Tensor]:
    """The distinct keys, which ascend, and how often each is there."""
    if keys.device.type != "cpu":
        return keys.unique(return_counts=True)
    # NumPy sorts with vector instructions, several times as fast as torch
    ordered = np.sort(keys.numpy())
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
    count = np.diff(first, append=len(ordered))
    return torch.from_numpy(ordered[first]), torch.from_numpy(count)


@dataclass(frozen=True)
class Occurrences:
    """Where things stand: `item` (M,), and its `first` and `last` of the batch's N words (M,)."""

    item: Tensor
    first: Tensor
    last: Tensor

    @classmethod
    def joined(cls, parts: Sequence["Occurrences"]) -> "Occurrences":
        """All of them."""
        return cls(
            torch.cat([part.item for part in parts]),
            torch.cat([part.first for part in parts]),
            torch.cat([part.last for part in parts]),
        )

    def bag(self, batch: Batch, size: int) -> SparseCounts:
        """Each thing once a document, in ascending order."""
        return SparseCounts.of(self.item, batch.document[self.first], batch.size, size)
