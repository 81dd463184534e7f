"""Whether the reconstruction error separates out-of-distribution documents from those of the training corpora."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from mgm.evaluation.bootstrap import interval_entry
from mgm.evaluation.sufficient_statistics import rounded

Errors = npt.NDArray[np.float32]
PLACE = ("reports", "evaluation", "out_of_distribution", "separation.json")


def auroc(in_distribution: Errors, out_of_distribution: Errors) -> float:
    """Return the area under the ROC curve: the chance that an out-of-distribution document has the larger error, ties half."""
    n_in, n_out = len(in_distribution), len(out_of_distribution)
    ranks = rankdata(np.concatenate([in_distribution, out_of_distribution]))
    above = ranks[n_in:].sum() - n_out * (n_out + 1) / 2
    return float(above / (n_in * n_out))


def separation(
    in_distribution: Mapping[str, Errors],
    out_of_distribution: Mapping[str, Errors],
    *,
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    """Return the separation by the errors (AUROC) of each set of other documents from all test documents together.

    Returns:
        in_distribution: n and median by corpus; out_of_distribution: n, median and auroc by name, with its 95% interval of a bootstrap over documents.
    """
    pooled = np.concatenate(list(in_distribution.values()))
    content: dict[str, Any] = {
        "in_distribution": {name: _summary(errors) for name, errors in in_distribution.items()},
        "out_of_distribution": {},
    }
    for name, errors in out_of_distribution.items():
        rng = np.random.default_rng([seed, len(errors)])
        resampled = np.array(
            [
                auroc(rng.choice(pooled, len(pooled)), rng.choice(errors, len(errors)))
                for _ in range(resamples)
            ]
        )
        area = {"auroc": rounded(auroc(pooled, errors))} | interval_entry(resampled)
        content["out_of_distribution"][name] = _summary(errors) | area
    return content


def _summary(errors: Errors) -> dict[str, Any]:
    return {"n": len(errors), "median": rounded(float(np.median(errors)))}
