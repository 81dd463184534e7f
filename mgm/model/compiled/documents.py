"""The words of documents as rows of a table.

Axes: B documents, S sentences, N words.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mgm.text.list_columns import Array


@dataclass(frozen=True)
class DocumentWords:
    """The words of B documents, as rows of a table of words: int64 arrays.

    Attributes:
        word: (N,) the row of each word.
        sentence_length: (S,) the words of each sentence.
        sentences: (B,) the sentences of each document.
    """

    word: Array
    sentence_length: Array
    sentences: Array

    def blocks(self, size: int) -> Iterator["DocumentWords"]:
        """Yield runs of at most `size` documents."""
        sentence = np.append(0, np.cumsum(self.sentences))
        word = np.append(0, np.cumsum(self.sentence_length))
        for first in range(0, len(self.sentences), size):
            last = min(first + size, len(self.sentences))
            begin, end = sentence[first], sentence[last]
            yield DocumentWords(
                self.word[word[begin] : word[end]],
                self.sentence_length[begin:end],
                self.sentences[first:last],
            )
