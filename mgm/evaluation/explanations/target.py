"""Predictions that are explained, and the scalar of the outputs that stands for each."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class ChosenPrediction:
    """A prediction on one document as the predictions table has it.

    Attributes:
        label: the label; None for a number.
        score: its probability, of a span the mean of its words', of a number the value itself.
        start, end: the bounds of a span in code points of the raw text.
    """

    label: str | None
    score: float
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, kw_only=True)
class ExplainedPrediction:
    """A prediction on one document.

    Attributes:
        label: the predicted label; None for a number.
        true: the labelled class, of a classification.
        span: (n,) the words of a predicted span.
    """

    label: str | None
    true: str = ""
    span: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Target:
    """A weighted sum of the outputs for one document.

    Attributes:
        coefficients: shaped as the task's output: (1, K), (1,) or (N, C).
        description: the sum in words.
        index: the index of the label among the outputs.
        words: (n,) the words of a span.
        tags: (n,) the tags of these words.
    """

    coefficients: Tensor
    description: str
    index: int = 0
    words: Tensor | None = None
    tags: Tensor | None = None
