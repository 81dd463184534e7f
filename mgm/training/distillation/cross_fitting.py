"""Cross-fitted answers: a teacher for each fold, which answers the labelled documents that it has not seen.

A teacher that answers the documents that it was fitted on repeats their labels, with their errors, and a student learns nothing from
it. The groups are those of the splits, so that copies of a document are in one fold.

Axes: n documents, K columns of scores.
"""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import polars as pl

HELD_OUT = "held_out"
"""The split of the documents that a fold's teacher does not see."""


def assign_folds(groups: pl.Series, count: int) -> np.ndarray:
    """Return the fold (n,) of each document, from 0: a hash of its group, independent of the split that the group is in."""
    distinct = groups.unique(maintain_order=True)
    folds = pl.Series([_hash(f"fold:{group}") % count for group in distinct], dtype=pl.Int64)
    return groups.replace_strict(distinct, folds, return_dtype=pl.Int64).to_numpy()


def check_folds(folds: np.ndarray, count: int, *, task: str) -> None:
    """Check that the labelled documents are of more than one fold.

    Args:
        folds: of each labelled training document.
        count: the number of folds.
        task: the name of the task, for the message.

    Raises:
        ValueError: they are not, so that the teacher of a fold would have nothing to learn from.
    """
    if len(np.unique(folds)) < 2:
        raise ValueError(
            f"task {task}: {len(folds)} labelled training documents, all of one of {count} folds; "
            "expected more groups, since each document is answered by a teacher that has not seen it"
        )


def hold_out(documents: pl.DataFrame, *, fold: int, count: int) -> pl.Series:
    """Return the column `split` in which the training documents of a fold are `HELD_OUT`."""
    is_held_out = pl.Series(assign_folds(documents["group"], count) == fold) & (documents["split"] == "train")
    return documents.select(
        pl.when(is_held_out).then(pl.lit(HELD_OUT)).otherwise("split").alias("split")
    ).to_series()


def combine_folds(scores: Sequence[np.ndarray], *, folds: np.ndarray, is_seen: np.ndarray) -> np.ndarray:
    """Return the answer (n,K) for each document: of the teacher of its fold, or the mean where no teacher has seen its group.

    Args:
        scores: of the teacher of each fold, (n,K).
        folds: (n,) the fold of each document.
        is_seen: (n,) whether its group has a document with a label.
    """
    stacked = np.stack(scores)
    return np.where(is_seen[:, None], stacked[folds, np.arange(len(folds))], stacked.mean(axis=0))


def has_labelled_group(groups: pl.Series, is_labelled: pl.Series) -> np.ndarray:
    """Return which documents (n,) are of a group that has a document with a label."""
    return groups.is_in(groups.filter(is_labelled).unique().implode()).to_numpy()


def _hash(text: str) -> int:
    return int(blake2b(text.encode("utf-8"), digest_size=8).hexdigest(), 16)
