"""A document's raw text cut into pieces by what its words add, sentence by sentence."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

LEVELS = 4
"""Steps of a highlight, either way; 0 is none."""


def levels(added: np.ndarray) -> np.ndarray:
    """(N,) from -LEVELS to LEVELS, in proportion to the word that adds or takes most."""
    most = np.abs(added).max() if len(added) else 0.0
    return np.rint(LEVELS * added / most).astype(int) if most > 0 else np.zeros(len(added), int)


def sentences(
    text: str,
    start: Sequence[int],
    end: Sequence[int],
    sentence_length: Sequence[int],
    added: np.ndarray,
    weights: Sequence[float] | None = None,
    span: tuple[int, int] | None = None,
) -> list[dict[str, Any]]:
    """The text, whole and in order, by sentence: {weight, pieces: [[text, level, of the span], ...]}; level as in `levels`.

    start, end (N,): offsets of the words in code points of the raw text; weights: of the sentences, if any; span: offsets of
    the answer, if it is a span. What stands between words has level 0, and stands in the sentence before.
    """
    level = levels(added)
    first = np.cumsum([0, *sentence_length]).tolist()
    found: list[dict[str, Any]] = []
    at = 0
    for number, (low, high) in enumerate(pairwise(first)):
        pieces = _Pieces(text, span or (0, 0))
        for word in range(low, high):
            # what was masked or repaired in cleaning may give several words the same stretch
            begin, stop = max(start[word], at), max(end[word], at)
            pieces.add(at, begin, 0)
            pieces.add(begin, stop, int(level[word]))
            at = max(at, stop)
        following = len(text) if high == first[-1] else max(start[high], at)
        pieces.add(at, following, 0)
        at = following
        weight = None if weights is None else round(float(weights[number]), 3)
        found.append({"weight": weight, "pieces": pieces.found})
    return found


class _Pieces:
    """Pieces of a text; neighbours of the same look are one."""

    def __init__(self, text: str, span: tuple[int, int]) -> None:
        self.text, self.span = text, span
        self.found: list[list[Any]] = []

    def add(self, begin: int, end: int, level: int) -> None:
        if begin >= end:
            return
        inside = self.span[0] <= begin and end <= self.span[1]
        if self.found and self.found[-1][1:] == [level, inside]:
            self.found[-1][0] += self.text[begin:end]
        else:
            self.found.append([self.text[begin:end], level, inside])
