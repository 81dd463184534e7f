"""Labelled sentences with hashed features, which may be larger than memory: they are written once, then read back a block at a time.

Axes: N words, F features of a word, G features that enough words have, S sentences.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
from scipy import sparse

from mgm.model.batch import cut_by_tokens
from mgm.training.crf_solver import LabelledSentences
from mgm.training.disk_array import DiskArray
from mgm.training.sparse_rows import Storage

MIN_WORDS = 2
"""A feature of fewer training words has no weight."""
BYTES_PER_FEATURE = 40
"""Bytes that the solver takes for a feature of a word, with the copy that is sorted by feature."""
BYTES_PER_TAG = 8
"""Bytes that it takes for a tag of a word."""
NO_COLUMN = -1


class SentenceBlocks:
    """Sentences on disk, in files without a name, of which a killed process leaves nothing behind.

    Attributes:
        columns: (G,) ascending, the hashes that at least `MIN_WORDS` words have: the columns of the features.
    """

    def __init__(
        self,
        sentences: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]],
        *,
        num_features: int,
        num_tags: int,
        storage: Storage,
    ) -> None:
        """Write some sentences, one batch after another.

        Args:
            sentences: the hashed features (N,F) of words, their tags (N,), and the words (S,) of each sentence, none of which is 0.
            num_features: F.
            num_tags: the number of tags.
            storage: where they are.
        """
        self._num_features = num_features
        hashed = DiskArray(np.int64, folder=storage.folder)
        tags, lengths = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
        for of_words, tag, length in sentences:
            hashed.append(of_words)
            tags.append(tag.astype(np.int32))
            lengths.append(length)
        self.tags, self.length = np.concatenate(tags), np.concatenate(lengths)
        bytes_per_word = BYTES_PER_FEATURE * num_features + BYTES_PER_TAG * num_tags
        self._block_words = max(storage.max_bytes // bytes_per_word, 1)
        self.columns = self._frequent(hashed)
        self._index = DiskArray(np.int32, folder=storage.folder)
        for chunk in self._chunks(hashed):
            index = np.searchsorted(self.columns, chunk).clip(max=max(len(self.columns) - 1, 0))
            is_column = self.columns[index] == chunk if len(self.columns) else np.zeros(len(chunk), bool)
            self._index.append(np.where(is_column, index, NO_COLUMN))
        cuts = cut_by_tokens(np.arange(len(self.length)), self.length, tokens_per_batch=self._block_words)
        self._cuts = [0, *(int(sentences[-1]) + 1 for sentences in cuts)]

    def __len__(self) -> int:
        """Return the number of blocks."""
        return len(self._cuts) - 1

    def __iter__(self) -> Iterator[LabelledSentences]:
        """Yield the blocks; no two of them are in memory if the reader keeps none."""
        ends = np.append(0, np.cumsum(self.length))
        for first, last in pairwise(self._cuts):
            begin, end = int(ends[first]), int(ends[last])
            index = np.empty((end - begin) * self._num_features, np.int32)
            self._index.read(index, begin * self._num_features)
            has_column = index != NO_COLUMN
            counts = has_column.reshape(-1, self._num_features).sum(1)
            start = np.concatenate([[0], counts.cumsum()])
            index = index[has_column]
            yield LabelledSentences(
                features=sparse.csr_matrix(
                    (np.ones(len(index), np.float32), index, start), (end - begin, len(self.columns))
                ),
                tags=self.tags[begin:end],
                length=self.length[first:last],
            )

    def _frequent(self, hashed: DiskArray) -> np.ndarray:
        """Return the hashes that at least `MIN_WORDS` words have, counted range by range, so that one range is in memory."""
        num_ranges = max(-(-len(self.tags) // self._block_words), 1)
        frequent = []
        for number in range(num_ranges):
            values, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
            for chunk in self._chunks(hashed):
                of_chunk = np.unique(chunk[chunk % num_ranges == number], return_counts=True)
                values, place = np.unique(np.concatenate([values, of_chunk[0]]), return_inverse=True)
                both = np.concatenate([counts, of_chunk[1]])
                counts = np.bincount(place, weights=both, minlength=len(values)).astype(np.int64)
            frequent.append(values[counts >= MIN_WORDS])
        return np.sort(np.concatenate(frequent))

    def _chunks(self, hashed: DiskArray) -> Iterator[np.ndarray]:
        """Yield the hashes of all words, as many at once as a block has."""
        for first in range(0, len(self.tags), self._block_words):
            words = min(self._block_words, len(self.tags) - first)
            chunk = np.empty(words * self._num_features, np.int64)
            hashed.read(chunk, first * self._num_features)
            yield chunk
