"""The linear baseline: what the n-grams of the wide part predict alone, without the network beside them.

The solved weights of the wide part are not trained any further, but the wide part of a finished network is not the solved model
either: training scales its outputs to the weight that it has beside the deep branch (`Network.set_wide_weight`) and subtracts the
logit adjustment that was tuned for both (`Network.add_logit_bias`). A `LinearBaseline` undoes the two, and has the baseline's own
adjustment and thresholds, tuned on validation as the network's are, so that the network is compared with a linear model that had
the same documents and the same decisions.

Axes: R rows, B documents, K outputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mgm.model.batch import cut_by_tokens
from mgm.model.collate import collate
from mgm.model.decode import TOKENS_PER_BATCH
from mgm.model.heads import HEADS, Outcome
from mgm.model.network import Network
from mgm.model.thresholds import Thresholds
from mgm.tasks import Task
from mgm.text.features import FeaturePart

_NO_WORDS = np.zeros(0, np.int64)


@dataclass(frozen=True, kw_only=True)
class LinearBaseline:
    """The values that turn the wide part's outputs for a task into predictions of its own.

    Attributes:
        factor: the number that the outputs are multiplied by.
        logit_bias: the values (K,) that are then added; None: none are.
        thresholds: the decision thresholds, for kinds that have them.
    """

    factor: float = 1.0
    logit_bias: list[float] | None = None
    thresholds: Thresholds | None = None

    def outputs(self, wide: Tensor) -> Tensor:
        """Return the baseline's outputs for those of the wide part (B,K) or (B,)."""
        scaled = wide * self.factor
        return scaled if self.logit_bias is None else scaled + scaled.new_tensor(self.logit_bias)

    def to_json(self) -> dict[str, Any]:
        """Return the fields, as `from_json` reads them."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "LinearBaseline":
        """Return the baseline of these fields."""
        thresholds = fields["thresholds"]
        return cls(**{**fields, "thresholds": None if thresholds is None else Thresholds(**thresholds)})


def decode_linear(
    network: Network,
    part: FeaturePart,
    *,
    rows: np.ndarray,
    tasks: Sequence[Task],
    baselines: Mapping[str, LinearBaseline],
    tokens_per_batch: int = TOKENS_PER_BATCH,
) -> dict[str, Outcome]:
    """Return the predictions of n-grams alone for rows of a part, by task; its encoder is not run.

    Args:
        network: the network, whose mode (training or evaluation) is restored.
        part: features.
        rows: (R,) rows of the part, in whose order the outcomes are.
        tasks: the tasks to predict, which have a wide part that is solved for.
        baselines: the baseline of each of them.
        tokens_per_batch: the most words of a batch that has more than one document.
    """
    wide = network.wide
    assert wide is not None, "a linear baseline is one of a wide part"
    length = part.documents["word"].list.len().to_numpy()[rows].astype(np.int64)
    outcomes = {t.name: HEADS[t.kind].empty_outcome(t, num_rows=len(rows), num_words=0) for t in tasks}
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        by_length = np.argsort(length, kind="stable")
        for chosen in cut_by_tokens(by_length, length[by_length], tokens_per_batch=tokens_per_batch):
            batch = collate(part, rows[chosen]).to(wide.bias.device)
            logits = wide(batch)
            for task in tasks:
                head = network.heads[task.name]
                outputs = baselines[task.name].outputs(head.reshape_wide(logits[task.name]))
                HEADS[task.kind].store(
                    outcomes[task.name], head.decode(outputs, batch), task=task, rows=chosen, words=_NO_WORDS
                )
    network.train(was_training)
    return outcomes
