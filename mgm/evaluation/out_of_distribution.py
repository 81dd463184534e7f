"""Whether the reconstruction error tells documents of elsewhere from those of the corpora that a model was trained on."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from mgm.evaluation.bootstrap import bounds
from mgm.evaluation.numbers import rounded

Errors = npt.NDArray[np.float32]
PLACE = ("reports", "evaluation", "unfamiliar", "separation.json")


def auroc(own: Errors, foreign: Errors) -> float:
    """The chance that a foreign document has the larger error, ties half: the area under the ROC curve."""
    ranks = rankdata(np.concatenate([own, foreign]))
    above = ranks[len(own) :].sum() - len(foreign) * (len(foreign) + 1) / 2
    return float(above / (len(own) * len(foreign)))


def separation(
    own: Mapping[str, Errors], foreign: Mapping[str, Errors], resamples: int, seed: int
) -> dict[str, Any]:
    """{"own": corpus to {n, median}, "foreign": name to {n, median, auroc, low, high}}: against all own documents together,
    with a 95% interval of a bootstrap over documents."""
    familiar = np.concatenate(list(own.values()))
    content: dict[str, Any] = {
        "own": {name: _middle(errors) for name, errors in own.items()},
        "foreign": {},
    }
    for name, errors in foreign.items():
        rng = np.random.default_rng([seed, len(errors)])
        drawn = np.array(
            [
                auroc(rng.choice(familiar, len(familiar)), rng.choice(errors, len(errors)))
                for _ in range(resamples)
            ]
        )
        low, high = bounds(drawn)
        found = {"auroc": rounded(auroc(familiar, errors)), "low": rounded(low), "high": rounded(high)}
        content["foreign"][name] = _middle(errors) | found
    return content


def _middle(errors: Errors) -> dict[str, Any]:
    return {"n": len(errors), "median": rounded(float(np.median(errors)))}
