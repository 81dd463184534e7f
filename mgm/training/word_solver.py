"""Solves for the weights of the wide part of tasks that predict words: a conditional random field for each task.

It is done once, before the deep part is trained, as for tasks that predict documents (mgm.training.wide_solver).

Axes: N words of labelled sentences, F hashed features of a word.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from scipy import sparse

from mgm.model.batch import NO_LABEL
from mgm.model.collate import collate
from mgm.model.heads.crf import TransitionScores
from mgm.model.heads.tagging import TaggingHead
from mgm.model.network import Network
from mgm.model.ragged import Ragged
from mgm.model.wide.tagging import WideTagging
from mgm.tasks import Task
from mgm.training.batches import ordered_batches
from mgm.training.crf_solver import LabelledSentences, solve_crf
from mgm.training.data import TrainingData
from mgm.training.wide_solver import SolvedTask, select_known_rows

MIN_WORDS = 2
"""A feature of fewer training words has no weight."""


def solve_word_tasks(
    network: Network,
    data: TrainingData,
    *,
    tokens_per_batch: int,
    on_solved: Callable[[SolvedTask], object] = lambda solved: None,
) -> None:
    """Set the weights of the wide part of tasks that predict words, task by task, from the labelled training rows.

    Args:
        network: the network; the heads of these tasks get the scores of transitions.
        data: the training rows and tasks.
        tokens_per_batch: words of a batch.
        on_solved: called after each task.
    """
    wide = network.wide_tagging
    if wide is None:
        return
    weights: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    for task in [task for task in data.tasks if task.name in wide.widths]:
        head = _head(network, task.name)
        read = _read_sentences(wide, data, task=task, head=head, tokens_per_batch=tokens_per_batch)
        if read is None:
            continue
        sentences, columns, num_documents = read
        chain = solve_crf(
            sentences,
            TransitionScores(head.forbidden_start, head.forbidden),
            l1=wide.settings.l1,
            max_passes=wide.settings.max_passes,
        )
        chain.weight.eliminate_zeros()
        chosen = np.diff(chain.weight.indptr) > 0
        weights[task.name] = (
            torch.from_numpy(columns[chosen]),
            torch.from_numpy(chain.weight[chosen].toarray()),
        )
        scores = TransitionScores(torch.from_numpy(chain.start), torch.from_numpy(chain.transition))
        head.wide_scores = TransitionScores(*(part.to(head.start) for part in scores))
        on_solved(
            SolvedTask(
                task=task.name, num_documents=num_documents, num_features=int(chosen.sum()), method=None
            )
        )
    if weights:
        wide.set_coefficients(weights)


class WideTransitions:
    """The scores of transitions that the wide part was solved with, as a part of the state of a training.

    A bundle has none: they are taken into those of the heads once the training is done.
    """

    def __init__(self, network: Network) -> None:
        """Hold the scores of the heads of this network."""
        names = [] if network.wide_tagging is None else list(network.wide_tagging.widths)
        self.heads = {name: _head(network, name) for name in names}

    def state_dict(self) -> dict[str, tuple[torch.Tensor, ...]]:
        """Return the scores by task that has such, on the CPU."""
        return {
            name: tuple(part.cpu() for part in head.wide_scores)
            for name, head in self.heads.items()
            if head.wide_scores is not None
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore them."""
        for name, scores in state.items():
            head = self.heads[name]
            head.wide_scores = TransitionScores(*(part.to(head.start) for part in scores))


def _head(network: Network, task: str) -> TaggingHead:
    head = network.heads[task]
    assert isinstance(head, TaggingHead)
    return head


def _read_sentences(
    wide: WideTagging, data: TrainingData, *, task: Task, head: TaggingHead, tokens_per_batch: int
) -> tuple[LabelledSentences, np.ndarray, int] | None:
    """Return the labelled training sentences of a task, the hashes (F,) of their features, and the number of their documents.

    None: there is no labelled word, or no feature that two of them have.
    """
    features, tags, lengths = [], [], []
    rows = select_known_rows(data.train, task, max_rows=wide.settings.documents)
    device = wide.table.weight.device
    for planned in ordered_batches(rows, tokens_per_batch):
        batch = collate(rows[planned.source].part, planned.rows, tasks=[task]).to(device)
        target, length = batch.targets[task.name], batch.sentence_length
        labelled = (target != NO_LABEL).cpu().numpy()
        assert labelled.all(), "rows without the label were left out"
        features.append(wide.features(batch).cpu().numpy())
        tags.append(head.repair(Ragged(target, length)).cpu().numpy())
        lengths.append(length[length > 0].cpu().numpy())
    hashed = np.concatenate(features) if features else np.zeros((0, 1), np.int64)
    columns, count = np.unique(hashed, return_counts=True)
    columns = columns[count >= MIN_WORDS]
    if not len(columns):
        return None
    index = np.searchsorted(columns, hashed).clip(max=len(columns) - 1).astype(np.int32)
    chosen = columns[index] == hashed
    start = np.concatenate([[0], chosen.sum(1).cumsum()])
    index = index[chosen]
    matrix = sparse.csr_matrix((np.ones(len(index), np.float32), index, start), (len(hashed), len(columns)))
    sentences = LabelledSentences(matrix, np.concatenate(tags), np.concatenate(lengths))
    return sentences, columns, sum(len(selected.rows) for selected in rows)
