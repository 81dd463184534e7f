"""The scalar of the outputs that is explained for a prediction."""

from dataclasses import dataclass

from torch import Tensor


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
