"""Average precision of a multilabel task: how well its probabilities rank what is true above what is not, whatever the
threshold.

AP = sum over distinct scores, from the highest, of (recall_n - recall_n-1) * precision_n, as in scikit-learn. Scores are
rounded (mgm/model/predict.py), so that counts by score say all of it. Axes: R resamples, D documents, K labels, S distinct
scores.
"""

import numpy as np

from mgm.evaluation.sufficient_statistics import Statistics, Sums, counts, ratio


def rankings(probs: np.ndarray, truth: np.ndarray) -> Statistics:
    """micro_average_precision (over all pairs of document and label) and macro_average_precision (the mean over labels that
    some document has).

    probs (D, K), truth (D, K) bool.
    """
    documents, labels = truth.shape
    row, label = (grid.ravel() for grid in np.indices((documents, labels)))
    hit = truth.ravel().astype(np.int64)
    levels, level = np.unique(-probs.ravel(), return_inverse=True)  # from the highest
    pairs, pair = np.unique(label * max(len(levels), 1) + level, return_inverse=True)  # by label, then score
    first = np.searchsorted(pairs // max(len(levels), 1), np.arange(labels))
    width = 2 * len(pairs)
    of_level = pairs % max(len(levels), 1)
    order = np.argsort(of_level, kind="stable")
    starts = np.searchsorted(of_level[order], np.arange(len(levels)))

    def metrics(sums: Sums) -> dict[str, np.ndarray]:
        misses, hits = sums[:, 0::2], sums[:, 1::2]
        if not width:
            nothing = np.full(len(sums), np.nan)
            return {"micro_average_precision": nothing, "macro_average_precision": nothing}
        pooled = [np.add.reduceat(part[:, order], starts, axis=1) for part in (hits, misses)]
        own = [
            _average_precision(hits[:, begin:end], misses[:, begin:end])
            for begin, end in zip(first, [*first[1:], len(pairs)], strict=True)
        ]
        each = np.stack(own, axis=1)
        defined = ~np.isnan(each)
        return {
            "micro_average_precision": _average_precision(*pooled),
            "macro_average_precision": ratio(np.nan_to_num(each).sum(1), defined.sum(1).astype(float)),
        }

    return Statistics(counts(row, 2 * pair + hit, (documents, width)), metrics)


def _average_precision(hits: np.ndarray, misses: np.ndarray) -> np.ndarray:
    """(R,) of the true and false counts (R, S) at each score, highest first; nan where nothing is true."""
    found, said = hits.cumsum(1), (hits + misses).cumsum(1)
    precision = np.nan_to_num(ratio(found, said))
    return ratio((hits * precision).sum(1), hits.sum(1))
