"""A document's raw text cut into pieces by its words' contributions, sentence by sentence."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

NUM_LEVELS = 4
"""Steps of a highlight, either way; 0 is none."""


def highlight_levels(contributions: np.ndarray) -> np.ndarray:
    """Return whole numbers (N,) from -NUM_LEVELS to NUM_LEVELS, in proportion to the largest contribution."""
    most = np.abs(contributions).max() if len(contributions) else 0.0
    if not most > 0:
        return np.zeros(len(contributions), int)
    return np.rint(NUM_LEVELS * contributions / most).astype(int)


def highlight_sentences(
    text: str,
    words: Sequence[tuple[int, int]],
    *,
    sentence_length: Sequence[int],
    contributions: np.ndarray,
    weights: Sequence[float] | None = None,
    span: tuple[int, int] | None = None,
) -> list[dict[str, Any]]:
    """Return the text, whole and in order, by sentence.

    Args:
        text: the raw text.
        words: start and end of the N words in code points of the text.
        sentence_length: the number of words of each sentence.
        contributions: (N,) the contribution of each word.
        weights: of the sentences, if any.
        span: start and end of the prediction, if it is a span.

    Returns:
        For each sentence its weight and pieces: [text, level, whether it is in the span]. Text between words has level 0,
        and belongs to the sentence before.
    """
    level = highlight_levels(contributions)
    first = np.cumsum([0, *sentence_length]).tolist()
    sentences: list[dict[str, Any]] = []
    position = 0
    for number, (low, high) in enumerate(pairwise(first)):
        pieces = _Pieces(text, span or (0, 0))
        for word in range(low, high):
            # cleaning may give several words the same stretch, where it masked or repaired the text
            start, end = words[word]
            start, end = max(start, position), max(end, position)
            pieces.add(position, start, level=0)
            pieces.add(start, end, level=int(level[word]))
            position = max(position, end)
        following = len(text) if high == first[-1] else max(words[high][0], position)
        pieces.add(position, following, level=0)
        position = following
        weight = None if weights is None else round(float(weights[number]), 3)
        sentences.append({"weight": weight, "pieces": pieces.merged})
    return sentences


class _Pieces:
    """Pieces of a text; neighbours of the same look are merged."""

    def __init__(self, text: str, span: tuple[int, int]) -> None:
        self.text, self.span = text, span
        self.merged: list[list[Any]] = []

    def add(self, start: int, end: int, *, level: int) -> None:
        if start >= end:
            return
        is_inside = self.span[0] <= start and end <= self.span[1]
        if self.merged and self.merged[-1][1:] == [level, is_inside]:
            self.merged[-1][0] += self.text[start:end]
        else:
            self.merged.append([self.text[start:end], level, is_inside])
