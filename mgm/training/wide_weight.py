"""Tunes the weight of the wide part in a task's outputs: one half during training, then the best on validation.

The deep part may overfit a small task long before others have learned, and the wide part may be of little use to a third: the
mix should be no worse than either.

An epoch is judged by the best mix as well: at one half, a task whose deep part overfits would stop the training while others still
learn, although its weight will leave that part out.

Axes: n labelled documents of the validation split, K labels.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from mgm.model.batch import cut_by_tokens
from mgm.model.collate import collate
from mgm.model.heads import HEADS, Outcome
from mgm.model.network import Network
from mgm.tasks import Task
from mgm.training.data import PartRows
from mgm.training.distributed import ALONE, DistributedContext
from mgm.training.kinds import TASK_TRAINING, Pair
from mgm.training.validation import collect_pairs, concatenate_pairs, validate
from mgm.training.word_weight import tune_word_weights

DEFAULT_WEIGHT = 0.5
LEAST_WEIGHT = 2.0**-10
"""The weight of a part that is left out. It is above 0, so that the wide part alone, the linear baseline, can be had from the scaled
one."""
CANDIDATE_WEIGHTS = (0.5, 0.6, 0.4, 0.7, 0.3, 0.8, 0.2, 0.9, 0.1, 1 - LEAST_WEIGHT, LEAST_WEIGHT)
"""The weights that are tried, the first of them at a tie."""
PRIOR_WEIGHT = 0.8
PRIOR_DOCUMENTS = 12.0
"""A weight's score is lowered by its squared distance from PRIOR_WEIGHT times PRIOR_DOCUMENTS / n. Of a hundred documents the best score is
mostly chance: chosen on 100, 200, 400 and 800 of the validation documents of 21 trained tasks, and measured on the others, the weight had a
score better by .41, .20, -.03 and .10 points (standard errors .09, .04, .09, .05) than without this; on five other models by .44 and .06
points with 100 and 200."""


def tune_wide_weights(
    network: Network, rows: Sequence[PartRows], *, tasks: Sequence[Task], tokens_per_batch: int
) -> dict[str, float]:
    """Return the weight of the wide part with the best score on `rows`, by task that has such a part.

    It is the default where a task has no label in `rows`. The result is empty for a network without a wide part.
    """
    of_words = tune_word_weights(
        network, rows, tasks=tasks, candidates=CANDIDATE_WEIGHTS, tokens_per_batch=tokens_per_batch
    )
    if network.wide is None:
        return of_words

    tuned = _mixed_tasks(network, tasks)
    pairs = _collect_branches(network, rows, tasks=tuned, tokens_per_batch=tokens_per_batch)
    of_documents = {
        t.name: best_wide_weight(t, pairs[t.name]) if t.name in pairs else DEFAULT_WEIGHT for t in tuned
    }
    return of_documents | of_words


def best_wide_weight(task: Task, pair: Pair) -> float:
    """Return the best weight for predictions that are the outputs (n,2,K) of both parts, the deep one first.

    With few documents it is near PRIOR_WEIGHT.
    """
    kind, strength = TASK_TRAINING[task.kind], PRIOR_DOCUMENTS / len(pair.truth)

    def score(weight: float) -> float:
        outputs = _mix(pair.predicted, weight)
        return kind.score_outputs(outputs, pair.truth) - strength * (weight - PRIOR_WEIGHT) ** 2

    return max(CANDIDATE_WEIGHTS, key=score)


def validate_best_mix(
    network: Network,
    rows: Sequence[PartRows],
    *,
    tasks: Sequence[Task],
    tokens_per_batch: int,
    processes: DistributedContext = ALONE,
) -> dict[str, float]:
    """Return what `validate` does, for documents with the weight of the wide part that is best for each task on these rows.

    The network has to have the default weights, as during training.
    """
    mixed = _mixed_tasks(network, tasks)
    others = [task for task in tasks if task not in mixed]
    metrics = validate(network, rows, tasks=others, tokens_per_batch=tokens_per_batch, processes=processes)
    local = _collect_branches(network, rows, tasks=mixed, tokens_per_batch=tokens_per_batch)
    of_processes = processes.gather_objects(local)
    pairs = concatenate_pairs({t.name: [p[t.name] for p in of_processes if t.name in p] for t in mixed})
    for task in [task for task in mixed if task.name in pairs]:
        kind, (branches, truth) = TASK_TRAINING[task.kind], pairs[task.name]
        outputs = _mix(branches, best_wide_weight(task, pairs[task.name]))
        metrics[task.name] = kind.metric(
            Pair(predicted=kind.activate(outputs), truth=truth), len(task.labels)
        )
    return processes.broadcast_object({t.name: metrics[t.name] for t in tasks if t.name in metrics})


def _mixed_tasks(network: Network, tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks of documents that have a wide part."""
    return [task for task in tasks if network.wide is not None and task.name in network.wide.widths]


def _mix(outputs: np.ndarray, weight: float) -> np.ndarray:
    """Return the mix of the outputs (n,2,K) of both parts, the deep one first."""
    return (1 - weight) * outputs[:, 0] + weight * outputs[:, 1]


def _collect_branches(
    network: Network, rows: Sequence[PartRows], *, tasks: Sequence[Task], tokens_per_batch: int
) -> dict[str, Pair]:
    """Return the outputs (n,2,K) of both parts and the labels, by task that has a label in `rows`."""

    def predict(selected: PartRows, tasks: list[Task]) -> Mapping[str, Outcome]:
        return _branch_logits(network, selected, tasks=tasks, tokens_per_batch=tokens_per_batch)

    return collect_pairs(rows, tasks, predict=predict)


def _branch_logits(
    network: Network, rows: PartRows, *, tasks: list[Task], tokens_per_batch: int
) -> dict[str, np.ndarray]:
    """Return the outputs of the deep and the wide part by task: (rows,2,K), or (rows,2) for values."""
    device = next(network.parameters()).device
    logits = {t.name: np.zeros((len(rows.rows), 2, *_outcome_shape(t)), np.float32) for t in tasks}
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        by_length = np.argsort(rows.length, kind="stable")
        for chosen in cut_by_tokens(by_length, rows.length[by_length], tokens_per_batch=tokens_per_batch):
            batch = collate(rows.part, rows.rows[chosen]).to(device)
            for branch, outputs in enumerate(network.branch_outputs(batch, tasks=list(logits))):
                for name, of_task in logits.items():
                    of_task[chosen, branch] = outputs[name].float().cpu().numpy()
    network.train(was_training)
    return logits


def _outcome_shape(task: Task) -> tuple[int, ...]:
    """Return the shape of the outcome of one row."""
    outcome = HEADS[task.kind].empty_outcome(task, num_rows=0, num_words=0)
    assert isinstance(outcome, np.ndarray), "only kinds of documents have a wide part that is solved for"
    return outcome.shape[1:]
