"""Labels that may be wrong, by confident learning: a document counts as one of a class when its probability of that class
reaches the mean that documents labelled so have; where that class is not the labelled one, the label is suspected.

The probabilities must be those of documents that the model was not trained on, so only the validation and test splits are
searched. Source: Northcutt et al. 2021, arXiv:1911.00068, by the library cleanlab. Ranked by normalised margin, for
multilabel by cleanlab's own score of the whole set of labels.

Axes: D documents, K labels.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from cleanlab import filter
from cleanlab.multilabel_classification import filter as multilabel

from mgm.tasks import Task

KINDS = ("classification", "multilabel")
WHY_NOT = {
    "regression": "confident learning needs classes; the largest errors of this task rank its labels by doubt",
    "tagging": "confident learning needs a probability for every class of an item, and spans are no fixed items; the surest "
    "errors of this task rank its labels by doubt",
}


def suspected(
    probs_DK: np.ndarray, truth: pl.Series, task: Task, space: Sequence[str]
) -> tuple[int, pl.DataFrame]:
    """How many documents were searched, and the suspected ones, most suspected first: row, label, suggested, probability
    (of the suggestion; for multilabel of what differs most from the labels).

    truth (D,): the labels, null where there is none. A document with a label that training never saw is left out, since the
    model gives that label no probability.
    """
    probs = probs_DK.astype(np.float64)
    if task.kind == "classification":
        known = truth.is_in(list(space)).fill_null(False).to_numpy()
    else:
        known = truth.list.eval(pl.element().is_in(list(space))).list.all().fill_null(False).to_numpy()
    rows = np.flatnonzero(known)
    number = {label: i for i, label in enumerate(space)}
    schema = {"row": pl.Int64, "label": pl.String, "suggested": pl.String, "probability": pl.Float64}
    if len(rows) < 2 or len(space) < 2:
        return len(rows), pl.DataFrame(schema=schema)
    kept = truth.gather(rows).to_list()
    found = []
    if task.kind == "classification":
        given = np.array([number[label] for label in kept])
        for at in _issues(given, probs[rows]):
            best = int(probs[rows[at]].argmax())
            found.append((int(rows[at]), kept[at], space[best], float(probs[rows[at], best])))
    else:
        sets = [sorted(number[label] for label in labels) for labels in kept]
        for at in _issues(sets, probs[rows]):
            own = probs[rows[at]]
            given_K = np.isin(np.arange(len(space)), sets[at])
            worst = int(np.where(given_K, 1 - own, own).argmax())
            what = f"without {space[worst]}" if given_K[worst] else f"also {space[worst]}"
            label = ", ".join(sorted(kept[at])) or "no label"
            found.append((int(rows[at]), label, what, float(own[worst])))
    return len(rows), pl.DataFrame(found, schema=schema, orient="row")


def _issues(labels: np.ndarray | list[list[int]], probs: np.ndarray) -> list[int]:
    """One process: the result is the same, and forking one that holds torch is not safe."""
    if isinstance(labels, np.ndarray):
        find, rank = filter.find_label_issues, "normalized_margin"
    else:
        find, rank = multilabel.find_label_issues, "self_confidence"
    ranked = find(labels, probs, return_indices_ranked_by=rank, filter_by="confident_learning", n_jobs=1)
    return [int(at) for at in ranked]
