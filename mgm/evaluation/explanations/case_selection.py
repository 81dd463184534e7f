"""The choice of predictions to explain: the most confident errors, some correct ones, and a sample for the test of faithfulness.

`predictions` is always a table of `TaskExplanation.predictions`.
"""

import polars as pl

from mgm.evaluation.explanations.held_out_sample import choose
from mgm.tasks import Task

_DOCUMENT = ["corpus", "doc_id"]


def confident_errors(predictions: pl.DataFrame, count: int) -> pl.DataFrame:
    """Return the `count` most confident wrong predictions, one a document."""
    order = ["score", "corpus", "doc_id", "predicted"]
    wrong = predictions.filter(~pl.col("right")).sort(order, descending=[True, False, False, False])
    return wrong.unique(_DOCUMENT, keep="first", maintain_order=True).head(count)


def sample_right(predictions: pl.DataFrame, task: Task, *, count: int, seed: int) -> pl.DataFrame:
    """Return a sample of right predictions, one a document."""
    return _sample(predictions.filter("right"), count, seed=seed, stream=f"{task.name} right")


def sample(predictions: pl.DataFrame, task: Task, *, count: int, seed: int) -> pl.DataFrame:
    """Return a sample of all predictions, right or wrong, one a document."""
    return _sample(predictions, count, seed=seed, stream=f"{task.name} sample")


def _sample(predictions: pl.DataFrame, count: int, *, seed: int, stream: str) -> pl.DataFrame:
    # a document is represented by its most confident prediction
    order = ["corpus", "doc_id", "score", "predicted"]
    best = predictions.sort(order, descending=[False, False, True, False]).unique(
        _DOCUMENT, keep="first", maintain_order=True
    )
    return best[choose(best.height, at_most=count, seed=seed, stream=stream)]
