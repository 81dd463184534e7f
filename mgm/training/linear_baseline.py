"""Tunes the linear baseline: the solved wide part, without the network beside it.

It is the model that a network has to beat to earn its keep, so it gets what the network gets: the adjustment of its logits and its
thresholds are tuned on validation. That takes one pass of the wide part over the validation rows.

Axis: K classes.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from mgm.model.heads import Outcome
from mgm.model.linear_baseline import LinearBaseline, decode_linear
from mgm.model.network import Network
from mgm.tasks import Task
from mgm.training.data import PartRows
from mgm.training.kinds import TASK_TRAINING
from mgm.training.validation import Decisions, collect_pairs, decide
from mgm.training.wide_weight import DEFAULT_WEIGHT


def tune_linear(
    network: Network,
    rows: Sequence[PartRows],
    *,
    tasks: Sequence[Task],
    log_priors: Mapping[str, np.ndarray],
    tokens_per_batch: int,
) -> Decisions:
    """Return the decisions that suit the wide part alone best on the validation rows.

    Args:
        network: a network whose wide part has the weights that were solved for, neither scaled nor adjusted.
        rows: the validation rows.
        tasks: tasks of all kinds.
        log_priors: the log frequency (K,) of each class, by task whose logits are adjusted.
        tokens_per_batch: words of a batch.
    """
    solved = _solved_tasks(network, tasks)
    untouched = {task.name: LinearBaseline() for task in solved}

    def predict(selected: PartRows, tasks: list[Task]) -> Mapping[str, Outcome]:
        return decode_linear(
            network,
            selected.part,
            rows=selected.rows,
            tasks=tasks,
            baselines=untouched,
            tokens_per_batch=tokens_per_batch,
        )

    tuned = [task for task in solved if TASK_TRAINING[task.kind].is_tuned]
    return decide(collect_pairs(rows, tuned, predict=predict), tuned, log_priors=log_priors)


def linear_baselines(
    network: Network, tasks: Sequence[Task], *, decisions: Decisions, log_priors: Mapping[str, np.ndarray]
) -> dict[str, LinearBaseline]:
    """Return the baseline of each task whose wide part was solved for.

    Args:
        network: the network after `decisions` were applied to it.
        tasks: tasks of all kinds.
        decisions: those of the network, with those of the wide part alone.
        log_priors: the log frequencies that the logits were adjusted with.
    """
    linear = decisions.linear
    if linear is None:
        return {}
    baselines = {}
    for task in _solved_tasks(network, tasks):
        factor = 1 / (2 * decisions.wide_weights.get(task.name, DEFAULT_WEIGHT))
        strength = decisions.adjustments.get(task.name, 0.0) * factor - linear.adjustments.get(task.name, 0.0)
        bias = None if task.name not in log_priors else (strength * log_priors[task.name]).tolist()
        baselines[task.name] = LinearBaseline(
            factor=factor, logit_bias=bias, thresholds=linear.thresholds.get(task.name)
        )
    return baselines


def _solved_tasks(network: Network, tasks: Sequence[Task]) -> list[Task]:
    return [] if network.wide is None else [task for task in tasks if task.name in network.wide.widths]
