"""Spans from BIO tags."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class WordSpans:
    """Spans over N flat words: `first` and `last` word (both inside), `label` id and the `mean` of the words' scores."""

    first: np.ndarray
    last: np.ndarray
    label: np.ndarray
    mean: np.ndarray


def word_spans(tags: np.ndarray, score: np.ndarray, *, sentence_length: np.ndarray) -> WordSpans:
    """Return the spans of BIO tags, in order; none straddles a sentence.

    An I that continues nothing begins a span, as in the CoNLL evaluation.

    Args:
        tags: (N,) ids: 0 = O, 1+2i = B-label_i, 2+2i = I-label_i; below 0 they count as O.
        score: (N,) the score of each word.
        sentence_length: (S,) words of each sentence.
    """
    if len(tags) == 0:
        empty = np.zeros(0, np.int64)
        return WordSpans(empty, empty, empty, np.zeros(0, np.float32))
    inside = tags > 0
    label = (tags - 1) // 2
    sentence_start = np.zeros(len(tags) + 1, bool)
    sentence_start[np.concatenate([[0], np.cumsum(sentence_length)])] = True
    follows = np.append(False, inside[:-1] & (label[:-1] == label[1:])) & ~sentence_start[:-1]
    begins = inside & ((tags % 2 == 1) | ~follows)
    ends = inside & np.append(~inside[1:] | begins[1:], True)
    first, last = np.flatnonzero(begins), np.flatnonzero(ends)
    total = np.concatenate([[0.0], np.cumsum(score, dtype=np.float64)])
    return WordSpans(
        first, last, label[first], ((total[last + 1] - total[first]) / (last + 1 - first)).astype(np.float32)
    )
