"""How much of a task's logits is the wide part's: half of them in training, and then what validation shows to be best.

The deep part may overfit a small task long before others have learned, and the wide part be of little use to a third.

Axes: n labelled documents of the validation split, K labels.
"""

from collections.abc import Mapping

import numpy as np
import torch
from scipy.special import expit

from mgm.model.batch import cut_by_tokens
from mgm.model.collate import collate
from mgm.model.heads import Outcome
from mgm.model.network import Network
from mgm.tasks import Task
from mgm.training.labelled_rows import Source
from mgm.training.validation import Pairs, collect, metric

HALF = 0.5
SHARES = (0.35, 0.65, 0.2, 0.8)
"""What is tried in place of half. Both parts keep a say: documents to come differ from those of validation."""
MIN_GAIN = 0.005
"""Of the first metric over half: less is what chance alone makes, where both parts agree on most documents."""


def tune_wide_weights(
    network: Network,
    sources: list[Source],
    tasks: list[Task],
    labels: dict[str, list[str]],
    tokens_per_batch: int,
) -> dict[str, float]:
    """The share of the wide part, by document-level task, that gives the highest first metric on `sources`: half unless
    another gains LEAST_GAIN, and where a task has no label there. Nothing of a network without a wide part."""
    if network.wide is None:
        return {}

    def outcomes(source: Source, own: list[Task]) -> Mapping[str, Outcome]:
        return _logits(network, source, own, labels, tokens_per_batch)

    own = [task for task in tasks if task.name in network.wide.widths]
    pairs = collect(sources, own, labels, outcomes)
    return {t.name: best_wide_weight(t, pairs[t.name], labels) if t.name in pairs else HALF for t in own}


def best_wide_weight(task: Task, pair: Pairs, labels: dict[str, list[str]]) -> float:
    """By the logits (n,2,K) of both parts, the deep one first, and what is true."""
    logits, truth = pair

    def reached(share: float) -> float:
        mixed = (1 - share) * logits[:, 0] + share * logits[:, 1]
        return metric(task, (expit(mixed) if task.kind == "multilabel" else mixed, truth), labels)

    best = max(SHARES, key=reached)
    return best if reached(best) >= reached(HALF) + MIN_GAIN else HALF


def _logits(
    network: Network, source: Source, tasks: list[Task], labels: dict[str, list[str]], tokens_per_batch: int
) -> dict[str, np.ndarray]:
    """(rows,2,K) of each task, the deep part's and the wide part's; (rows,2) of regressions."""
    device = next(network.parameters()).device
    shapes = {t.name: () if t.kind == "regression" else (len(labels[t.name]),) for t in tasks}
    found = {name: np.zeros((len(source.rows), 2, *own), np.float32) for name, own in shapes.items()}
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        by_length = np.argsort(source.length, kind="stable")
        for chosen in cut_by_tokens(by_length, source.length[by_length], tokens_per_batch):
            batch = collate(source.part, source.rows[chosen]).to(device)
            for place, outputs in enumerate(network.branch_outputs(batch)):
                for name, logits in found.items():
                    logits[chosen, place] = outputs[name].float().cpu().numpy()
    network.train(was_training)
    return found
