"""Tunes the weight of the wide part in the outputs of tasks that predict words, as `wide_weight` does for those that predict documents.

The weight of a sum of emissions is one of scores of transitions, too, so that every candidate has its own best sequences.

Axis: N words.
"""

from collections.abc import Sequence

import numpy as np
import torch

from mgm.model.batch import cut_by_tokens, flat_positions
from mgm.model.collate import collate
from mgm.model.heads import HEADS, Outcome
from mgm.model.heads.head import Tagged
from mgm.model.heads.tagging import TaggingHead
from mgm.model.network import Network
from mgm.tasks import Task
from mgm.training.data import PartRows
from mgm.training.kinds import TASK_TRAINING, Pair

Outcomes = dict[str, dict[float, Outcome]]
"""The outcome of each task by the weight of the wide part."""


def tune_word_weights(
    network: Network,
    rows: Sequence[PartRows],
    *,
    tasks: Sequence[Task],
    candidates: Sequence[float],
    tokens_per_batch: int,
) -> dict[str, float]:
    """Return the candidate with the best metric on `rows`, the first at a tie, by task that predicts words and has a wide part."""
    if network.wide_tagging is None:
        return {}
    tuned = [task for task in tasks if task.name in network.wide_tagging.widths]
    pairs: dict[str, dict[float, list[Pair]]] = {t.name: {w: [] for w in candidates} for t in tuned}
    for selected in rows:
        labelled = [t for t in selected.labelled_tasks(tuned) if selected.labels_of(t).is_not_null().any()]
        if not labelled:
            continue
        outcomes = _outcomes(
            network, selected, tasks=labelled, candidates=candidates, tokens_per_batch=tokens_per_batch
        )
        for task in labelled:
            for weight, outcome in outcomes[task.name].items():
                pair = TASK_TRAINING[task.kind].pair(outcome, selected, task=task)
                pairs[task.name][weight].append(pair)

    def best(task: Task) -> float:
        def metric(weight: float) -> float:
            predicted, truth = zip(*pairs[task.name][weight], strict=True)
            pair = Pair(predicted=np.concatenate(predicted), truth=np.concatenate(truth))
            return TASK_TRAINING[task.kind].metric(pair, len(task.labels))

        return max(candidates, key=metric) if pairs[task.name][candidates[0]] else candidates[0]

    return {task.name: best(task) for task in tuned}


def _outcomes(
    network: Network,
    selected: PartRows,
    *,
    tasks: Sequence[Task],
    candidates: Sequence[float],
    tokens_per_batch: int,
) -> Outcomes:
    """Return the best tags of all words with each weight; their probabilities are not computed."""
    length = selected.length
    word_start, num_words = np.cumsum(length) - length, int(length.sum())
    outcomes: Outcomes = {
        t.name: {
            weight: HEADS[t.kind].empty_outcome(t, num_rows=len(length), num_words=num_words)
            for weight in candidates
        }
        for t in tasks
    }
    device = next(network.parameters()).device
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        by_length = np.argsort(length, kind="stable")
        for chosen in cut_by_tokens(by_length, length[by_length], tokens_per_batch=tokens_per_batch):
            batch = collate(selected.part, selected.rows[chosen]).to(device)
            deep, wide = network.branch_outputs(batch, tasks=[t.name for t in tasks])
            words = flat_positions(word_start[chosen], length[chosen])
            for task in tasks:
                head = network.heads[task.name]
                assert isinstance(head, TaggingHead)
                for weight, outcome in outcomes[task.name].items():
                    emissions = torch.lerp(deep[task.name].float(), wide[task.name], weight)
                    tags = head.best_tags(emissions, batch, scores=head.mixed_scores(weight))
                    decoded = Tagged(tags, torch.zeros(tags.shape))
                    HEADS[task.kind].store(outcome, decoded, task=task, rows=chosen, words=words)
    network.train(was_training)
    return outcomes
