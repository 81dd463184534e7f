"""The first metric of each task on the validation split, which early stopping goes by, and the decisions tuned there.

These metrics compare label ids and words; those of mgm.evaluation compare labels and raw offsets.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mgm.model.calibration import Calibration
from mgm.model.decode import TOKENS_PER_BATCH, Progress, decode
from mgm.model.heads import Outcome
from mgm.model.network import Network
from mgm.model.thresholds import Thresholds
from mgm.tasks import Task
from mgm.training.data import PartRows
from mgm.training.distributed import ALONE, DistributedContext
from mgm.training.kinds import TASK_TRAINING, Pair
from mgm.training.wide_tuning import WideMethod


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """The values that turn a network's outputs into labels, by task."""

    thresholds: dict[str, Thresholds] = field(default_factory=dict)
    """The thresholds of tasks whose kind has them."""
    adjustments: dict[str, float] = field(default_factory=dict)
    """The strength tau of the logit adjustment, for kinds whose logits are adjusted."""
    wide_weights: dict[str, float] = field(default_factory=dict)
    """The weight of the wide part in the outputs, where there is such a part."""
    wide_methods: dict[str, WideMethod] = field(default_factory=dict)
    """How that part was solved for, which its weight, thresholds and adjustments were tuned with."""
    calibrations: dict[str, Calibration] = field(default_factory=dict)
    """What validation says of the scores, for kinds with probabilities."""
    linear: "Decisions | None" = None
    """The decisions of the wide part alone, with which the network is compared."""


def validate(
    network: Network,
    rows: Sequence[PartRows],
    *,
    tasks: Sequence[Task],
    tokens_per_batch: int = TOKENS_PER_BATCH,
    progress: Progress | None = None,
    processes: DistributedContext = ALONE,
) -> dict[str, float]:
    """Return the first metric of every task that has a label in `rows`, which of several processes each has some of."""
    local = _predict(network, rows, tasks=tasks, tokens_per_batch=tokens_per_batch, progress=progress)
    local |= _generate(network, rows, tasks=tasks, tokens_per_batch=tokens_per_batch)
    of_processes = processes.gather_objects(local)
    pairs = concatenate_pairs({t.name: [p[t.name] for p in of_processes if t.name in p] for t in tasks})
    metrics = {
        t.name: TASK_TRAINING[t.kind].metric(pairs[t.name], len(t.labels)) for t in tasks if t.name in pairs
    }
    return processes.broadcast_object(metrics)


def tune_decisions(
    network: Network,
    rows: Sequence[PartRows],
    *,
    tasks: Sequence[Task],
    log_priors: Mapping[str, np.ndarray],
    tokens_per_batch: int = TOKENS_PER_BATCH,
) -> Decisions:
    """Return the thresholds and logit adjustments that suit the validation rows best, and the calibration of the scores.

    Args:
        network: a trained network.
        rows: the validation rows.
        tasks: tasks of all kinds.
        log_priors: the log frequency (K,) of each class, by task whose logits are adjusted.
        tokens_per_batch: words of a batch.
    """
    tuned = [t for t in tasks if TASK_TRAINING[t.kind].is_tuned]
    pairs = _predict(network, rows, tasks=tuned, tokens_per_batch=tokens_per_batch)
    decisions = decide(pairs, tuned, log_priors=log_priors)
    calibrations = {}
    for task in tuned:
        if task.spec.has_probabilities and task.name in pairs:
            tau = decisions.adjustments.get(task.name)
            calibration = TASK_TRAINING[task.kind].calibrate(
                pairs[task.name],
                thresholds=decisions.thresholds.get(task.name),
                adjustment=None if tau is None else tau * log_priors[task.name],
            )
            if calibration is not None:
                calibrations[task.name] = calibration
    return replace(decisions, calibrations=calibrations)


def decide(
    pairs: Mapping[str, Pair], tasks: Sequence[Task], *, log_priors: Mapping[str, np.ndarray]
) -> Decisions:
    """Return the thresholds and logit adjustments that suit these predictions best.

    Args:
        pairs: predictions and labels by task; a task without any gets the values of no tuning.
        tasks: the tasks.
        log_priors: the log frequency (K,) of each class, by task whose logits are adjusted.
    """
    thresholds, adjustments = {}, {}
    for task in tasks:
        kind, pair = TASK_TRAINING[task.kind], pairs.get(task.name)
        if (of_task := kind.tune_thresholds(pair, len(task.labels))) is not None:
            thresholds[task.name] = of_task
        if task.name in log_priors and (tau := kind.tune_tau(pair, log_priors[task.name])) is not None:
            adjustments[task.name] = tau
    return Decisions(thresholds=thresholds, adjustments=adjustments)


def collect_pairs(
    rows: Sequence[PartRows],
    tasks: Sequence[Task],
    *,
    predict: Callable[[PartRows, list[Task]], Mapping[str, Outcome]],
) -> dict[str, Pair]:
    """Return the predictions and labels of each task that has a label in `rows`.

    Args:
        rows: the rows of each part.
        tasks: the tasks to predict.
        predict: gives the outcome of each task for rows of a part that has its labels.
    """
    pairs: dict[str, list[Pair]] = {}
    for selected in rows:
        labelled = selected.labelled_tasks(tasks)
        if not labelled:
            continue
        outcomes = predict(selected, labelled)
        for task in labelled:
            if selected.labels_of(task).is_not_null().any():
                pair = TASK_TRAINING[task.kind].pair(outcomes[task.name], selected, task=task)
                pairs.setdefault(task.name, []).append(pair)
    return concatenate_pairs(pairs)


def _predict(
    network: Network,
    rows: Sequence[PartRows],
    *,
    tasks: Sequence[Task],
    tokens_per_batch: int,
    progress: Progress | None = None,
) -> dict[str, Pair]:
    """Return the pairs of all tasks but those that generate text."""

    def predict(selected: PartRows, tasks: list[Task]) -> Mapping[str, Outcome]:
        return decode(
            network,
            selected.part,
            rows=selected.rows,
            tasks=tasks,
            tokens_per_batch=tokens_per_batch,
            progress=progress,
        )

    return collect_pairs(rows, [t for t in tasks if not t.spec.generates_text], predict=predict)


def _generate(
    network: Network, rows: Sequence[PartRows], *, tasks: Sequence[Task], tokens_per_batch: int
) -> dict[str, Pair]:
    """Return the pairs of tasks that generate text: greedily, and for some rows of each part, spread evenly over it."""
    pairs: dict[str, list[Pair]] = {}
    for selected in rows:
        for task in selected.labelled_tasks([t for t in tasks if t.spec.generates_text]):
            assert network.text_decoder is not None
            has_text = selected.part.documents[task.columns.label][selected.rows].is_not_null()
            labelled = has_text.arg_true().to_numpy()
            step = max(1, -(-len(labelled) // network.text_decoder.settings.validation_documents))
            chosen = selected.take(labelled[::step])
            if not len(chosen.rows):
                continue
            outcome = decode(
                network,
                chosen.part,
                rows=chosen.rows,
                tasks=[task],
                tokens_per_batch=tokens_per_batch,
                beam_size=1,
            )
            pair = TASK_TRAINING[task.kind].pair(outcome[task.name], chosen, task=task)
            pairs.setdefault(task.name, []).append(pair)
    return concatenate_pairs(pairs)


def concatenate_pairs(pairs: Mapping[str, Sequence[Pair]]) -> dict[str, Pair]:
    """Return the pairs of each task as one; those of a task without any are left out."""
    return {
        name: Pair(
            predicted=np.concatenate([p.predicted for p in of_parts]),
            truth=np.concatenate([p.truth for p in of_parts]),
        )
        for name, of_parts in pairs.items()
        if of_parts
    }
