"""Solves for the weights of the wide part of tasks that predict words: a conditional random field for each task.

It is done once, before the deep part is trained, as for tasks that predict documents (mgm.training.wide_solver).

Axes: N words of a batch, F hashed features of a word.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from mgm.model.batch import NO_LABEL
from mgm.model.collate import collate
from mgm.model.heads.crf import TransitionScores
from mgm.model.heads.tagging import TaggingHead
from mgm.model.network import Network
from mgm.model.ragged import Ragged
from mgm.model.wide.tagging import WideTagging
from mgm.tasks import Task
from mgm.training.batches import ordered_batches
from mgm.training.crf_solver import solve_crf
from mgm.training.data import PartRows, TrainingData
from mgm.training.sentence_blocks import SentenceBlocks
from mgm.training.sparse_rows import Storage
from mgm.training.wide_solver import SolvedTask, select_known_rows


def solve_word_tasks(
    network: Network,
    data: TrainingData,
    *,
    tokens_per_batch: int,
    storage: Storage | None = None,
    on_solved: Callable[[SolvedTask], object] = lambda solved: None,
) -> None:
    """Set the weights of the wide part of tasks that predict words, task by task, from the labelled training rows.

    Their sentences are in memory if they fit, otherwise they are read from disk a block at a time in every pass of the solver.

    Args:
        network: the network; the heads of these tasks get the scores of transitions.
        data: the training rows and tasks.
        tokens_per_batch: words of a batch.
        storage: the memory and the disk for the sentences; None: the defaults.
        on_solved: called after each task.
    """
    wide = network.wide_tagging
    if wide is None:
        return
    weights: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    for task in [task for task in data.tasks if task.name in wide.widths]:
        head = _head(network, task.name)
        rows = select_known_rows(data.train, task, max_rows=wide.settings.documents)
        blocks = SentenceBlocks(
            _read_sentences(wide, rows, task=task, head=head, tokens_per_batch=tokens_per_batch),
            num_features=len(wide.features_to_learn(task.name)),
            num_tags=wide.widths[task.name],
            storage=storage or Storage(),
        )
        if not len(blocks.columns):
            continue
        chain = solve_crf(
            blocks,
            TransitionScores(head.forbidden_start, head.forbidden),
            l1=wide.settings.l1,
            max_passes=wide.settings.max_passes,
        )
        chain.weight.eliminate_zeros()
        chosen = np.diff(chain.weight.indptr) > 0
        weights[task.name] = (
            torch.from_numpy(blocks.columns[chosen]),
            torch.from_numpy(chain.weight[chosen].toarray()),
        )
        scores = TransitionScores(torch.from_numpy(chain.start), torch.from_numpy(chain.transition))
        head.wide_scores = TransitionScores(*(part.to(head.start) for part in scores))
        on_solved(
            SolvedTask(
                task=task.name,
                num_documents=sum(len(selected.rows) for selected in rows),
                num_features=int(chosen.sum()),
                method=None,
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
    wide: WideTagging,
    rows: Sequence[PartRows],
    *,
    task: Task,
    head: TaggingHead,
    tokens_per_batch: int,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the hashed features (N,F) of the words of labelled rows, their tags (N,), and the words of each sentence."""
    device, columns = wide.table.weight.device, wide.features_to_learn(task.name)
    for planned in ordered_batches(rows, tokens_per_batch):
        batch = collate(rows[planned.source].part, planned.rows, tasks=[task]).to(device)
        target, length = batch.targets[task.name], batch.sentence_length
        labelled = (target != NO_LABEL).cpu().numpy()
        assert labelled.all(), "rows without the label were left out"
        yield (
            wide.features(batch)[:, columns].cpu().numpy(),
            head.repair(Ragged(target, length)).cpu().numpy(),
            length[length > 0].cpu().numpy(),
        )
