"""Labels that may be wrong, by confident learning.

A document counts as one of a class where its probability of that class reaches the mean over the documents with that label;
where that class is not the labelled one, the label is an issue. The probabilities must be of documents that the model was not
trained on, so only the validation and test splits are searched. Issues are ranked by normalised margin, those of label sets
by the score that cleanlab gives the whole set.

Axes: D documents, K labels.

Source: Northcutt et al. 2021, Confident Learning, arXiv:1911.00068, by the library cleanlab.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

MIN_DOCUMENTS = MIN_LABELS = 2
"""Fewer documents or labels are not searched."""
ISSUES_SCHEMA = {"row": pl.Int64, "label": pl.String, "suggested": pl.String, "probability": pl.Float64}


@dataclass(frozen=True)
class LabelIssues:
    """The number of documents that were searched, and the issues, most likely first.

    `issues` has the columns row, label, suggested, probability (of the suggested label; for a label set, of the label that differs most).
    """

    num_searched: int
    issues: pl.DataFrame


def rank_label_issues(
    find: Callable[..., Any],
    labels: np.ndarray | Sequence[Sequence[int]],
    *,
    probabilities_DK: np.ndarray,
    rank_by: str,
) -> list[int]:
    """Return the places of the issues, most likely first, by one of cleanlab's functions `find_label_issues`.

    It runs in this process: the result is the same, and forking a process that holds torch is not safe.
    """
    ranked = find(
        labels,
        probabilities_DK,
        return_indices_ranked_by=rank_by,
        filter_by="confident_learning",
        n_jobs=1,
    )
    return [int(place) for place in ranked]
