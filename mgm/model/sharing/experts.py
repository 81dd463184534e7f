"""Experts, small networks over the same vectors, and gates that say how much of each is taken.

Axes: I items (documents or words), K experts, D width read, W width of an expert.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.ragged import Ragged, Words
from mgm.model.sharing.sharing import Sharing
from mgm.settings.model import ModelSettings
from mgm.tasks import Task


class Experts(nn.Module):
    """K networks of one layer, computed as one product."""

    def __init__(self, input_width: int, count: int, width: int) -> None:
        super().__init__()
        self.count, self.width = count, width
        self.dense = nn.Linear(input_width, count * width)

    def forward(self, vectors_ID: Tensor) -> Tensor:
        """(I,K,W)"""
        return F.relu(self.dense(vectors_ID)).unflatten(1, (self.count, self.width))


class Gate(nn.Module):
    """A softmax over K experts, by what is read."""

    def __init__(self, input_width: int, experts: int) -> None:
        super().__init__()
        self.score = nn.Linear(input_width, experts)

    def forward(self, vectors_ID: Tensor) -> Tensor:
        """(I,K) weights, each row of which sums to 1."""
        return self.score(vectors_ID).softmax(1)


def mixed(weight_IK: Tensor, experts_IKW: Tensor) -> Tensor:
    """(I,W) the experts' weighted mean."""
    return torch.einsum("ik,ikw->iw", weight_IK, experts_IKW)


class Level(nn.Module):
    """Experts and gates of the tasks that read one kind of item."""

    width: int
    """Of what each task is given."""

    def forward(self, vectors: dict[str, Tensor]) -> dict[str, Tensor]:
        """(I,D) to (I,W) of each task; tasks that read the same give the same tensor, whose experts are computed once."""
        raise NotImplementedError

    def task_specific_parameters(self, task: str) -> list[nn.Parameter]:
        """Those that the loss of this task alone reaches."""
        raise NotImplementedError


class ExpertSharing(Sharing):
    """Tasks read experts: those of documents have theirs, and those of words theirs."""

    def __init__(self, tasks: list[Task], fused_width: int, word_width: int, settings: ModelSettings) -> None:
        super().__init__(tasks, fused_width, word_width, settings)
        of_documents, of_words = self.tasks_of(words=False), self.tasks_of(words=True)
        self.documents = self.level(of_documents, fused_width, settings) if of_documents else None
        self.words = self.level(of_words, word_width, settings) if of_words else None
        for level, names in ((self.documents, of_documents), (self.words, of_words)):
            if level is not None:
                self.widths |= dict.fromkeys(names, level.width)

    def level(self, tasks: list[str], width: int, settings: ModelSettings) -> Level:
        """The experts of tasks that read vectors of this width."""
        raise NotImplementedError

    def forward(self, fused: dict[str, Tensor], words_ND: Words | None) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        if self.documents is not None:
            given = self.documents({name: fused[name] for name in self.tasks_of(words=False)})
            found |= {name: self.drop(vectors) for name, vectors in given.items()}
        if self.words is not None:
            assert words_ND is not None, "a task reads words, and none were encoded"
            given = self.words(dict.fromkeys(self.tasks_of(words=True), words_ND.values))
            found |= {name: self.drop_words(Ragged(v, words_ND.length)) for name, v in given.items()}
        return {name: found[name] for name in self.reads_words}

    def task_specific_parameters(self, task: str) -> list[nn.Parameter]:
        level = self.words if self.reads_words[task] else self.documents
        assert level is not None
        return level.task_specific_parameters(task)
