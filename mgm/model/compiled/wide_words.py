"""What the wide part reads of the words of a table: ids, n-grams, Chinese characters, and the sums of n-grams.

Axes: T distinct words.
"""

import numpy as np
from torch import Tensor

from mgm.model.batch import Batch
from mgm.model.compiled.documents import DocumentWords
from mgm.model.wide.compiled import NgramSums, WideInput, WideRows, empty_types
from mgm.text.list_columns import Array


class WideWords:
    """The words of a table in the order in which they were added, as its wide part reads them."""

    def __init__(self, rows: WideRows, capacity: int) -> None:
        """Begin without words; there is room for `capacity`."""
        self.rows = rows
        self.size = 0
        self._types = empty_types(capacity)
        self._ngrams = _Lists(capacity, np.int32)
        self._characters = _Lists(capacity, np.int64)
        self._sums = NgramSums(rows, capacity)

    def add(self, batch: Batch, *, with_sums: bool) -> None:
        """Add the distinct words (T,) of a batch; `with_sums`: those before them have sums, and they get them too.

        A sum saves time where its word is read often.
        """
        first, last = self.size, self.size + batch.type_id.numel()
        types, ngrams = self.rows.describe_types(batch)
        self._ngrams.add(first, ngrams, bounds=np.append(types["ngram"], len(ngrams)))
        types["ngram"] = self._ngrams.bounds[first:last]
        self._types[first:last] = types
        if self.rows.wide.knows_chinese:
            self._characters.add(
                first, batch.type_character.numpy(), bounds=batch.type_character_offset.numpy()
            )
        self.size = last
        if with_sums:
            self._sums.append(self._types[first:last], self._ngrams.values)

    def truncate(self, size: int) -> None:
        """Keep the first `size` words alone."""
        self.size = size
        self._sums.size = min(self._sums.size, size)

    def logits(self, documents: DocumentWords) -> Tensor:
        """Return the logits (B,K) of all tasks for documents of these words."""
        has_chinese = bool(self._characters.bounds[self.size])
        words = WideInput(
            sentences=documents.sentences,
            sentence_length=documents.sentence_length,
            word=documents.word,
            types=self._types,
            ngrams=self._ngrams.values,
            characters=self._characters.values if has_chinese else None,
            character_bounds=self._characters.bounds if has_chinese else None,
        )
        return self.rows.logits(words, self._sums)


class _Lists:
    """Lists of whole numbers, one for each word: that of word i is values[bounds[i] : bounds[i + 1]]."""

    def __init__(self, capacity: int, dtype: type) -> None:
        self.values: Array = np.zeros(0, dtype)
        self.bounds = np.zeros(capacity + 1, np.int64)

    def add(self, first: int, values: Array, *, bounds: Array) -> None:
        """Set the lists of the words from `first` on; those after them are lost."""
        begin = int(self.bounds[first])
        end = begin + len(values)
        if end > len(self.values):
            # by a share of what is there, so that words added bit by bit are copied a few times alone
            self.values = np.concatenate(
                [self.values[:begin], np.zeros(end - begin + end // 2, self.values.dtype)]
            )
        self.values[begin:end] = values
        self.bounds[first : first + len(bounds)] = begin + bounds
